import { join } from 'node:path'
import { createEventBus, createStorage, type EventBus } from '@viewra/events-core'
import { expect, onTestFinished, test, vi } from 'vitest'
import { writeLibrary } from './library.ts'
import { PATIENT } from './patience.ts'
import { Program } from './programs.ts'
import { storedTitles } from './stored-titles.ts'
import { temporaryDirectory } from './temporary-directory.ts'

vi.setConfig({ testTimeout: 120_000 })

async function workplace() {
  const directory = await temporaryDirectory()
  onTestFinished(() => directory.remove())
  const { root, titles } = writeLibrary(join(directory.path, 'library'), 24)
  const database = `sqlite:${join(directory.path, 'events.db')}`
  return { directory: directory.path, database, root, titles }
}

async function busOn(database: string): Promise<EventBus> {
  const bus = createEventBus({ storage: await createStorage(database) })
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  return bus
}

/** Uses a lease that is long enough for a busy machine. */
const enricherOn = (database: string) =>
  new Program('enricher', ['--database', database, '--lease-ms', '3000'])

async function scan(database: string, directory: string): Promise<void> {
  const scanner = new Program('scanner', [directory, '--database', database])
  if ((await scanner.ended) !== 0) throw new Error(scanner.output)
}

const lines = (titles: ReadonlyMap<string, string>) =>
  Array.from(titles, ([path, title]) => `${path}: ${title}`).sort()

test('prints its usage', async () => {
  const program = new Program('enricher', ['--help'])
  expect(await program.ended).toBe(0)
  expect(program.output).toMatch(/^Usage: metadata-enricher/)
})

test('exits with 2 on wrong usage, and with 1 when the store cannot be opened', async () => {
  const { directory } = await workplace()
  const misused = new Program('enricher', ['--concurrency', 'many'])
  expect(await misused.ended).toBe(2)
  expect(misused.output).toMatch(/^metadata-enricher: --concurrency must .*\n.*--help/)
  const homeless = enricherOn(`sqlite:${directory}`)
  expect(await homeless.ended).toBe(1)
  expect(homeless.output).toMatch(/^metadata-enricher: .+\n$/)
})

test('follows a scan, and stops in order when asked', async () => {
  const { database, root, titles } = await workplace()
  const bus = await busOn(database)
  const enricher = enricherOn(database)
  await enricher.says(/At work/)
  await scan(database, root)
  await expect.poll(() => storedTitles(bus), PATIENT).toEqual(lines(titles))
  await expect.poll(async () => (await bus.durable.list())[0]?.lag, PATIENT).toBe(0)
  expect(await enricher.stop()).toBe(0)
  expect(enricher.output).toMatch(/\nStopped: 24 enriched, 0 repeated, 2 skipped, 0 warnings, 0 failures\n$/)
  expect(await bus.durable.list()).toMatchObject([{ name: 'metadata-enricher', state: 'waiting', lag: 0 }])
})

test.each(['stops in order', 'crashes'])(
  'waits while another is at work, and takes over when that one %s',
  async (end) => {
    const { database, root, titles } = await workplace()
    const bus = await busOn(database)
    const first = enricherOn(database)
    await first.says(/At work/)
    const second = enricherOn(database)
    await second.says(/Waiting/)
    await scan(database, root)
    await expect.poll(() => storedTitles(bus), PATIENT).toHaveLength(titles.size)
    expect(second.output).not.toContain('At work')
    await (end === 'crashes' ? first.kill() : first.stop())
    await second.says(/At work/)
    await scan(database, root)
    await expect.poll(() => storedTitles(bus), PATIENT).toHaveLength(2 * titles.size)
    expect(await second.stop()).toBe(0)
  },
)

test('exits with 1 when its subscription is deleted, and the next one starts from the beginning', async () => {
  const { database, root, titles } = await workplace()
  const bus = await busOn(database)
  await scan(database, root)
  const enricher = enricherOn(database)
  await enricher.says(/At work/)
  await expect.poll(() => storedTitles(bus), PATIENT).toHaveLength(titles.size)
  await bus.durable.delete('metadata-enricher')
  expect(await enricher.ended).toBe(1)
  expect(enricher.output).toMatch(/^metadata-enricher: .* was deleted or renamed by somebody$/m)
  const next = enricherOn(database)
  await expect.poll(async () => (await bus.durable.list())[0]?.lag, PATIENT).toBe(0)
  expect(await next.stop()).toBe(0)
  expect(next.output).toContain(`0 enriched, ${titles.size} repeated`)
  expect(await storedTitles(bus)).toEqual(lines(titles))
})

test('works beside a server into which the scanner publishes', async () => {
  const { database, root, titles } = await workplace()
  const server = new Program('server', [], {
    VIEWRA_EVENTS_PORT: '0',
    VIEWRA_EVENTS_DATABASE_URL: database,
    VIEWRA_EVENTS_LOG_LEVEL: 'warn',
  })
  const [url] = await server.says(/http:\/\/\S+/)
  const enricher = enricherOn(database)
  await enricher.says(/At work/)
  const scanner = new Program('scanner', [root, '--url', url])
  expect(await scanner.ended).toBe(0)
  const api = `${url}/api/v1/events?type=media.metadata.enriched&limit=1`
  const total = async () => JSON.parse(await (await fetch(api)).text()).total
  await expect.poll(total, PATIENT).toBe(titles.size)
  expect(await enricher.stop()).toBe(0)
  expect(await server.stop()).toBe(0)
})
