import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEventBus, type EventBus } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { runService, ServiceProcess } from './service-process.ts'
import { filesOnBus, regularFiles } from './stored-files.ts'
import { temporaryDirectory } from './temporary-directory.ts'

vi.setConfig({ testTimeout: 240_000 })

const KILLS = 3
const PATIENT = { timeout: 60_000, interval: 5 }

/** Creates a library of so many files, with a store beside it. */
async function workplace(files: number) {
  const directory = await temporaryDirectory()
  onTestFinished(() => directory.remove())
  const library = join(directory.path, 'library')
  for (let file = 0; file < files; file++) {
    const album = join(library, `album ${String(Math.floor(file / 50)).padStart(3, '0')}`)
    mkdirSync(album, { recursive: true })
    writeFileSync(join(album, `${String(file).padStart(5, '0')}.flac`), 'la')
  }
  return { library, database: join(directory.path, 'events.db') }
}

async function busOn(path: string): Promise<EventBus> {
  const bus = createEventBus({ storage: sqliteStorage({ path }) })
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  return bus
}

async function startScan(service: ServiceProcess, path: string): Promise<string> {
  const { status, headers } = await service.send('POST', '/scans', { path })
  expect(status).toBe(202)
  return headers.get('location') ?? ''
}

test('a scan that is killed again and again continues where it was, and shows its progress', async () => {
  const { library, database } = await workplace(1_000)
  const bus = await busOn(database)
  let service = await ServiceProcess.start(database)
  const address = await startScan(service, library)
  for (let kill = 1; kill <= KILLS; kill++) {
    // The first kill comes before the second quarter of the files, and so on.
    const enough = (kill - 1) * 250 + 50
    const done = async () => (await service.job(address)).progress.done
    await expect.poll(done, PATIENT).toBeGreaterThan(enough)
    expect(await service.job(address)).toMatchObject({ state: 'running', progress: { total: 1_000 } })
    await service.kill()
    // The new file sorts before the files that are done: only a scan that starts over would find it.
    writeFileSync(join(library, 'album 000', `00000 new ${kill}.flac`), '')
    service = await ServiceProcess.start(database)
  }
  await using last = service
  await expect.poll(async () => (await last.job(address)).rate, PATIENT).not.toBeNull()
  expect((await last.job(address)).eta_ms).toBeGreaterThanOrEqual(0)
  await expect.poll(async () => (await last.job(address)).state, PATIENT).toBe('succeeded')

  const job = await last.job(address)
  expect(job).toMatchObject({ progress: { done: 1_000 }, result: { published: 1_000 }, error: null })
  expect(job.attempts).toBeGreaterThan(KILLS)
  const expected = (await regularFiles(library)).filter((path) => !path.includes(' new '))
  expect(await filesOnBus(bus)).toEqual(expected)
  for (const type of ['scan.started', 'scan.completed']) expect(await bus.count({ types: [type] })).toBe(1)
  expect(await last.stop()).toBe(0)
})

test('a scan that is stopped in order continues too, and one that is cancelled says so', async () => {
  const { library, database } = await workplace(600)
  const bus = await busOn(database)
  const first = await ServiceProcess.start(database)
  const address = await startScan(first, library)
  await expect.poll(async () => (await first.job(address)).progress.done, PATIENT).toBeGreaterThan(20)
  expect(await first.stop()).toBe(0)
  expect(await bus.count({ types: ['scan.failed'] })).toBe(0)

  await using second = await ServiceProcess.start(database)
  await expect.poll(async () => (await second.job(address)).attempts, PATIENT).toBe(2)
  const { status } = await second.send('DELETE', address)
  expect(status).toBe(202)
  await expect.poll(async () => (await second.job(address)).state, PATIENT).toBe('cancelled')
  const { events } = await bus.list({ filter: { types: ['scan.*'] }, limit: 10 })
  expect(events.map(({ type }) => type)).toEqual(['scan.failed', 'scan.started'])
  expect(events[0]?.data).toMatchObject({ error: 'cancelled', files_found: 600 })
  const files = await filesOnBus(bus)
  expect(files.length).toBeLessThan(600)
  expect(new Set(files).size).toBe(files.length)
  // All files up to the cancel, in order.
  expect(files).toEqual((await regularFiles(library)).slice(0, files.length))
})

test('a scan that cannot begin fails and says why; wrong requests and options are refused', async () => {
  const { library, database } = await workplace(1)
  await using service = await ServiceProcess.start(database)
  const address = await startScan(service, join(library, 'missing'))
  await expect.poll(async () => (await service.job(address)).state, PATIENT).toBe('failed')
  expect((await service.job(address)).error).toMatch(/ENOENT/)
  for (const body of [{}, { path: 'relative' }, { path: library, depth: 1 }])
    expect((await service.send('POST', '/scans', body)).status).toBe(400)
  expect((await service.send('GET', '/api/v1/events/jobs')).json.jobs).toHaveLength(1)
  const misused = await runService(['--port', 'any'])
  expect(misused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--port must be') })
})
