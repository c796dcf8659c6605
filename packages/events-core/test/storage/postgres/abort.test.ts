import { describe, expect, test, vi } from 'vitest'
import { makeRecords } from '../../../src/testing/record.ts'
import { PostgresSetup } from './setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })

/** A search that takes minutes: its text almost matches at each place of each message. */
const MESSAGE = 'a'.repeat(8_000)
const SLOW = { text: `${'a'.repeat(200)}b` }

async function slowStore(applicationName: string) {
  const storage = await setup.openStore({ schema: setup.newSchema(), applicationName })
  await storage.append(makeRecords(500, { message: MESSAGE }))
  return storage
}

async function activeQueries(applicationName: string): Promise<number> {
  const rows = await setup.server.query(
    `select from pg_stat_activity where application_name = $1 and state = 'active'`,
    [applicationName],
  )
  return rows.length
}

describe('searches of a PostgreSQL store', () => {
  test('an abort cancels the statement on the server', async () => {
    const storage = await slowStore('abort')
    const controller = new AbortController()
    const reason = new Error('nobody waits')
    const searches = Array.from({ length: 10 }, () => storage.count(SLOW, controller))
    const outcomes = Promise.allSettled(searches)
    await vi.waitFor(async () => expect(await activeQueries('abort')).toBe(4), 10_000)
    controller.abort(reason)
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason })
    await vi.waitFor(async () => expect(await activeQueries('abort')).toBe(0), 5_000)
    expect((await storage.list({ limit: 1 })).total).toBe(500)
  })

  test('reading the head and changing the log do not wait for searches', async () => {
    const storage = await slowStore('lane')
    let ended = false
    const searches = Array.from({ length: 10 }, () => storage.count(SLOW))
    const outcomes = Promise.allSettled(searches).then(() => {
      ended = true
    })
    await vi.waitFor(async () => expect(await activeQueries('lane')).toBe(4), 10_000)
    await storage.head()
    await storage.append(makeRecords(1))
    expect(await storage.delete('nothing')).toBe(false)
    expect(ended).toBe(false)
    await storage.close()
    await outcomes
  })

  test('closing the store cancels running statements on the server', async () => {
    const storage = await slowStore('close')
    const search = storage.count(SLOW).catch((error: unknown) => error)
    await vi.waitFor(async () => expect(await activeQueries('close')).toBe(1), 10_000)
    await storage.close()
    expect(await search).toMatchObject({ code: 'EVENTS_NOT_RUNNING' })
    await vi.waitFor(async () => expect(await activeQueries('close')).toBe(0), 5_000)
  })

  test('a cancellation affects only the search that it is meant for', async () => {
    const storage = await setup.openStore({ schema: setup.newSchema(), poolSize: 2 })
    await storage.append(makeRecords(2_000))
    for (let round = 0; round < 40; round++) {
      const controller = new AbortController()
      const given = storage.count({ text: 'not there' }, controller).catch((error: unknown) => error)
      const kept = [storage.list({ limit: 5 }), storage.head(), storage.count({ text: 'x' })]
      setTimeout(() => controller.abort(), round / 4)
      await Promise.all(kept)
      await given
    }
  })
})
