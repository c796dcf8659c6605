import { expect, test } from 'vitest'
import type { EventStorage } from '../../src/storage/contract/storage.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { listAll } from '../../src/testing/reading.ts'
import { makeRecord } from '../../src/testing/record.ts'
import { PostgresSetup } from './postgres/setup.ts'
import { openStore, temporaryPath } from './sqlite/setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })

/** More types than are looked up one by one. */
const TYPES = Array.from({ length: 120 }, (_, n) => `many.t${n}`)

test.each<[string, (now: () => number) => Promise<EventStorage>]>([
  ['SQLite', (now) => openStore(temporaryPath(), { now })],
  ['PostgreSQL', (now) => setup.openStore({ schema: setup.newSchema(), now })],
])(
  'a trim of more types than an index is used for removes the same on %s as a trim of a few',
  async (_, open) => {
    const clock = new ManualClock()
    const storage = await open(clock.now)
    const positions = async () => (await listAll(storage)).map(({ position }) => position)
    // Three rounds of 122: each type, an excepted one, and another one.
    for (let round = 0; round < 3; round++) {
      await storage.append([...TYPES, 'many.kept', 'other'].map((type) => makeRecord({ type })))
      clock.advance(1_000)
    }
    const selection = { types: ['many.*'], exceptTypes: ['many.kept'] }
    const kept = [121, 122, 243, 244, 365, 366]
    expect(await storage.trim({ ...selection, upTo: 10 })).toBe(10)
    expect(await storage.trim({ ...selection, maxAgeMs: 2_500 })).toBe(110)
    expect((await positions()).slice(0, 3)).toEqual([121, 122, 123])
    expect((await storage.head({ types: ['many.t7'] })).keptFrom).toBe(121)
    expect(await storage.trim({ ...selection, maxEvents: 130 })).toBe(110)
    expect((await positions()).slice(0, 4)).toEqual([121, 122, 233, 234])
    expect(await storage.trim({ ...selection, maxEvents: 0 })).toBe(130)
    expect(await positions()).toEqual(kept)
    expect((await storage.head({ types: ['many.kept', 'other'] })).keptFrom).toBe(1)
  },
)
