import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus, createStorage, type EventBus, type EventInput } from '@viewra/events-core'
import { PostgresServer } from '@viewra/postgres-server'
import { expect, onTestFinished, test } from 'vitest'
import { heldServer } from './held-server.ts'
import { writeLibrary } from './library.ts'
import { PATIENT } from './patience.ts'
import { Program } from './programs.ts'
import { stored, storedTitles } from './stored-titles.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const KILLS = 6
const FILES = 360
/** The scan is slow, as on a sleeping disk, and continues until the last kill: this many files per kill. */
const FILES_EACH = FILES / KILLS
const PACE_MS = 30

test.each([
  ['a SQLite file', sqliteUrl],
  ['PostgreSQL', postgresUrl],
])(
  'with %s, each file is enriched once and only once, however often the enricher is killed during the scan',
  async (_, databaseIn) => {
    const directory = await temporaryDirectory()
    onTestFinished(() => directory.remove())
    const { root, titles } = writeLibrary(join(directory.path, 'library'), FILES)
    const database = await databaseIn(directory.path)
    const bus = await busOn(database)
    let kills = 0
    const url = await heldServer(
      bus,
      slowly(() => (kills + 1) * FILES_EACH),
    )
    const scanner = new Program('scanner', [root, '--url', url, '--concurrency', '1'])
    let doneAgain = 0
    for (; kills < KILLS; kills++) {
      await killAtRandom(bus, database)
      expect(scanner.output).not.toContain('Scan completed')
      doneAgain += await answeredBeyondCheckpoint(bus)
    }
    kills = Number.POSITIVE_INFINITY
    expect(await scanner.ended, scanner.output).toBe(0)
    await enrichTheRest(bus, database)

    expect(await storedTitles(bus)).toEqual(Array.from(titles, ([path, title]) => `${path}: ${title}`).sort())
    expect(titles.size).toBe(FILES)
    // Otherwise no kill came between an answer and its checkpoint, and nothing could have been duplicated.
    expect(doneAgain).toBeGreaterThan(0)
    expect((await bus.deadLetters.list({ limit: 1 })).total).toBe(0)
  },
  240_000,
)

async function sqliteUrl(directory: string): Promise<string> {
  return `sqlite:${join(directory, 'events.db')}`
}

async function postgresUrl(): Promise<string> {
  const server = await PostgresServer.start({ fsync: 'off' })
  onTestFinished(() => server.stop())
  return server.url
}

async function busOn(database: string): Promise<EventBus> {
  const bus = createEventBus({ storage: await createStorage(database) })
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  return bus
}

/** Lets files pass one by one, up to a limit, which is polled until it is high enough. */
function slowly(limit: () => number) {
  // By id: a scanner that waits too long sends an event again.
  const passed = new Set<string | undefined>()
  return async ({ type, id }: EventInput) => {
    if (type !== 'media.file.found') return
    passed.add(id)
    do await sleep(PACE_MS)
    while (passed.size > limit())
  }
}

function enricherOn(database: string): Program {
  return new Program('enricher', ['--lease-ms', '500'], { VIEWRA_EVENTS_DATABASE_URL: database })
}

/** While it starts, or after a few files, so that the scan need not progress first. */
async function killAtRandom(bus: EventBus, database: string): Promise<void> {
  const count = () => bus.count({ types: ['media.metadata.enriched'] })
  const enough = (await count()) + randomInt(FILES_EACH / 2)
  const enricher = enricherOn(database)
  await expect.poll(count, { ...PATIENT, interval: 2 }).toBeGreaterThanOrEqual(enough)
  await enricher.kill()
}

/** Counts files that are answered but will be handled again, because no checkpoint covers them. */
async function answeredBeyondCheckpoint(bus: EventBus): Promise<number> {
  const checkpoint = (await bus.durable.list())[0]?.position ?? 0
  const found = await stored(bus, 'media.file.found')
  const positions = new Map(found.map(({ id, position }) => [id, position]))
  const enriched = await stored(bus, 'media.metadata.enriched')
  return enriched.filter(({ causation_id }) => (positions.get(causation_id ?? '') ?? 0) > checkpoint).length
}

async function enrichTheRest(bus: EventBus, database: string): Promise<void> {
  const enricher = enricherOn(database)
  const lag = async () => (await bus.durable.list())[0]?.lag
  await expect.poll(lag, PATIENT).toBe(0)
  expect(await enricher.stop()).toBe(0)
}
