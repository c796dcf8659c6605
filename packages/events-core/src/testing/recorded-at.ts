import fc from 'fast-check'
import { expect } from 'vitest'
import { formatTimestamp, parseTimestamp } from '../event/timestamp.ts'
import { appendedBy } from './commit.ts'
import type { ContractTests } from './contract-context.ts'
import { acquired } from './holder.ts'
import { idsOf, listAll } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

/** The milliseconds by which the clock advances before an append. */
const steps = fc.array(fc.constantFrom(-3_600_000, -1_000, -1, 0, 1, 1_000, 86_400_000), { maxLength: 12 })

export const recordedAtTests: ContractTests = {
  'recorded_at follows the clock and never decreases as positions increase': async ({
    storage,
    scope,
    clock,
  }) => {
    const lease = await acquired(storage, scope)
    let latestMs = clock.now()
    const property = fc.asyncProperty(steps, async (list) => {
      for (const [index, step] of list.entries()) {
        clock.advance(step)
        latestMs = Math.max(latestMs, clock.now())
        const append = makeRecords(2)
        const answer =
          index % 2 === 0 ? await storage.append(append) : appendedBy(await storage.commit(lease, { append }))
        expect(answer.recordedAt).toBe(formatTimestamp(latestMs))
        const stored = await storage.get(append[1]?.event.id ?? '')
        expect(stored?.recorded_at).toBe(answer.recordedAt)
      }
    })
    await fc.assert(property, { numRuns: 10 })
    const times = (await listAll(storage)).map(({ recorded_at }) => recorded_at)
    expect(times).toEqual(times.toSorted())
  },

  'a process whose clock is behind records at the time of the last event': async (context) => {
    const { storage, clock } = context
    clock.advance(10_000)
    const { recordedAt } = await storage.append([makeRecord()])
    const behind = await context.beside({ now: () => clock.now() - 3_600_000 })
    expect((await behind.append([makeRecord()])).recordedAt).toBe(recordedAt)
    clock.advance(1)
    expect(parseTimestamp((await storage.append([makeRecord()])).recordedAt)).toBe(clock.now())
  },

  'calls that store nothing do not move recorded times': async ({ storage, clock }) => {
    await storage.append([makeRecord({ id: 'a' })])
    const recordedAt = formatTimestamp(clock.now())
    clock.advance(86_400_000)
    await storage.append([makeRecord({ id: 'a' })])
    await storage.append([])
    clock.advance(-86_400_000)
    expect((await storage.append([makeRecord()])).recordedAt).toBe(recordedAt)
  },

  'setting the clock back makes no event older for a trim by age': async ({ storage, clock }) => {
    await storage.append([makeRecord({ id: 'first' })])
    clock.advance(-1_000)
    await storage.append([makeRecord({ id: 'second' })])
    clock.advance(1_500)
    expect(await storage.trim({ maxAgeMs: 500 })).toBe(0)
    await storage.append([makeRecord({ id: 'third' })])
    clock.advance(1)
    expect(await storage.trim({ maxAgeMs: 500 })).toBe(2)
    expect(idsOf(await listAll(storage))).toEqual(['third'])
  },
}
