import { expect, test } from 'vitest'
import { isEventsError } from '../../../src/errors.ts'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { type Holder, holderOf, PARTITION } from '../../../src/testing/holder.ts'
import { changesOf } from '../commit-steps.ts'
import { lastStep } from '../last-step.ts'
import { PostgresSetup } from './setup.ts'

// Without autovacuum the server has no other statistics than those of a new store.
const setup = await PostgresSetup.start({ autovacuum: 'off' })

const TEN = Array.from({ length: 10 }, (_, n) => n)

test('connections that end in the middle of commits leave each of them wholly or not at all', async () => {
  const schema = setup.newSchema()
  const applicationName = `commits of ${schema}`
  const storage = await setup.openStore({ schema, applicationName })
  const holder = await holderOf(storage)
  let cut = 0
  for (let step = 1; step <= 60; step++) {
    // Somewhere in the middle, at another statement each time.
    const cutting = new Promise((resolve) => setTimeout(resolve, (step % 12) / 2)).then(() =>
      setup.terminate(applicationName),
    )
    if (!(await commitAtLast(storage, holder, step))) cut++
    await cutting
  }
  expect(cut).toBeGreaterThan(0)
  expect(await lastStep(storage)).toBe(60)
})

test('a server that crashes in the middle of commits has each of them wholly or not at all', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const holder = await holderOf(storage)
  for (let step = 1; step <= 5; step++) await holder.commit(changesOf(step))
  const crashed = holder.commit(changesOf(6)).catch(() => undefined)
  await setup.server.end('SIGQUIT')
  await crashed
  await setup.server.startAgain()
  await expect.poll(() => storage.head().catch(() => undefined), { timeout: 20_000 }).toBeDefined()
  expect(await lastStep(storage)).toBeGreaterThanOrEqual(5)
})

test('of many states, the first that are due and the oldest are found without reading the others', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const holder = await holderOf(storage)
  for (let batch = 0; batch < 20; batch++) {
    const numbers = Array.from({ length: 500 }, (_, index) => batch * 500 + index)
    const put = numbers.map((n) => ({ key: `${n}`, value: null, dueMs: n, touched: n }))
    await holder.commit({ state: { ...PARTITION, put, delete: [] } })
  }
  expect((await storage.state.due(PARTITION, 20_000, 10)).map(({ key }) => Number(key))).toEqual(TEN)
  expect((await storage.state.oldest(PARTITION, 10)).map(({ key }) => Number(key))).toEqual(TEN)
  expect(await storage.state.nextDue(PARTITION)).toBe(0)
  // The server publishes its read statistics when the connections end.
  await storage.close()
  const read = `
    select indexrelname, idx_tup_read::integer from pg_stat_all_indexes
    where schemaname = $1 and indexrelname like 'subscription_states_by_%' order by indexrelname`
  await expect
    .poll(() => setup.server.query(read, [schema]))
    .toEqual([
      { indexrelname: 'subscription_states_by_age', idx_tup_read: 10 },
      { indexrelname: 'subscription_states_by_due', idx_tup_read: 11 },
    ])
})

/** Commits until the changes of a step are stored. Returns whether the first attempt reported success. */
async function commitAtLast(storage: EventStorage, holder: Holder, step: number): Promise<boolean> {
  try {
    await holder.commit(changesOf(step))
    return true
  } catch (error) {
    if (!isEventsError(error) || !error.retryable) throw error
  }
  // The commit may have succeeded without an answer; then it must not be repeated.
  const done = await persistently(() => lastStep(storage))
  if (done < step) await commitAtLast(storage, holder, step)
  return false
}

async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isEventsError(error) || !error.retryable) throw error
    }
  }
}
