import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { holderOf, PARTITION } from '../../../src/testing/holder.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { snapshotOf } from '../../../src/testing/snapshot.ts'
import { changesOf } from '../commit-steps.ts'
import { lastStep } from '../last-step.ts'
import { Child, failureOf, openStore, temporaryPath } from './setup.ts'

test('a commit for which there is no room leaves nothing, and the same one succeeds when there is', async () => {
  const storage = await openStore(temporaryPath(), { maxBytes: 1024 * 1024 })
  const holder = await holderOf(storage)
  await holder.commit(changesOf(1))
  const before = await snapshotOf(storage, 'steps')
  const message = 'x'.repeat(1_000)
  const large = Array.from({ length: 1_000 }, (_, n) => makeRecord({ id: `large ${n}`, message }))
  const changes = { ...changesOf(2), append: large }
  expect((await failureOf(holder.commit(changes))).code).toBe('EVENTS_STORAGE_FULL')
  expect(await snapshotOf(storage, 'steps')).toEqual(before)
  expect(await holder.commit({ ...changes, append: large.slice(0, 10) })).toMatchObject({ committed: true })
  expect(await storage.count()).toBe(11)
})

test('kill -9 in the middle of committing, again and again, leaves each commit wholly or not at all', {
  timeout: 120_000,
}, async () => {
  const path = temporaryPath()
  for (let round = 1; round <= 6; round++) {
    const child = new Child('commit-forever', path)
    await child.said(round)
    // Somewhere in the middle of a commit, which takes some milliseconds.
    await new Promise((resolve) => setTimeout(resolve, round % 4))
    await child.kill()
    const storage = await openStore(path)
    expect(await lastStep(storage)).toBeGreaterThanOrEqual(Number(child.lines.at(-1)))
    await storage.close()
  }
})

test('states of a subscription that was reset or deleted are out of the file after the next sweep', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  for (const forget of ['reset', 'delete'] as const) {
    const holder = await holderOf(storage)
    const put = Array.from({ length: 3_000 }, (_, n) => ({ key: `${n}`, value: null, dueMs: n, touched: n }))
    await holder.commit({ state: { ...PARTITION, put, delete: [] } })
    await storage.subscriptions[forget](PARTITION.name, 0)
    expect(statesIn(path)).toBe(3_000)
    expect(await storage.sweepExpired()).toBe(0)
    expect(statesIn(path)).toBe(0)
  }
})

function statesIn(path: string): unknown {
  const file = new Database(path, { readonly: true })
  try {
    return file.prepare('select count(*) from subscription_states').pluck().get()
  } finally {
    file.close()
  }
}
