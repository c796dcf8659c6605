import { expect, test } from 'vitest'
import { createEventBus, type EventBus } from '../../../src/index.ts'
import { PostgresSetup } from './setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })
const info = { type: 'info', source: 'test' } as const

/** Runs `work` with a bus on its own schema, and checks that it accepts events before and after. */
async function withBus(work: (bus: EventBus, schema: string) => Promise<void>): Promise<void> {
  const schema = setup.newSchema()
  const bus = createEventBus({ storage: setup.store({ schema }) })
  await bus.start()
  await bus.publish(info)
  await expect.poll(async () => (await bus.health()).status, { timeout: 10_000 }).toBe('ok')
  await work(bus, schema)
  await bus.publish(info)
  await expect.poll(async () => (await bus.health()).status, { timeout: 10_000 }).toBe('ok')
  expect(await bus.stop()).toMatchObject({ drained: true, closed: true })
}

test.each([
  ['whose head row an idle transaction has locked', 'update log_head set position = position'],
  ['whose events another session has locked', 'lock table events'],
])('a store %s is down, and publishers learn that it does not respond', async (_, lock) => {
  await withBus(async (bus, schema) => {
    const session = await setup.client()
    await session.query(`set search_path = ${schema}; begin; ${lock}`)
    const publishing = [bus.publish(info, { timeoutMs: 3_000 })]
    // Queued behind the first, which the store is writing by now.
    await new Promise((resolve) => setTimeout(resolve, 100))
    publishing.push(bus.publish(info, { timeoutMs: 200 }))
    const outcomes = Promise.allSettled(publishing)
    await expect
      .poll(async () => await bus.health(), { timeout: 10_000 })
      .toMatchObject({
        status: 'down',
        checks: {
          storage: { detail: expect.stringMatching(/^the store has not answered a write for \d+ ms$/) },
          buffer: { status: 'ok' },
        },
      })
    const reasons = (await outcomes).map((outcome) =>
      outcome.status === 'rejected' ? outcome.reason : outcome,
    )
    expect(reasons).toMatchObject([
      // The lock's timeout and the publisher's end at about the same time; either may be first.
      { code: expect.stringMatching(/^EVENTS_STORAGE_(LOCKED|UNAVAILABLE)$/) },
      { code: 'EVENTS_STORAGE_UNAVAILABLE', message: expect.stringContaining('has not answered a write') },
    ])
    await session.query('rollback')
    // Without another write, the failed one counts for ten seconds.
    await expect.poll(async () => (await bus.health()).status, { timeout: 20_000 }).toBe('ok')
  })
})

test('a store whose table is gone is down because the last write failed', async () => {
  await withBus(async (bus, schema) => {
    await setup.server.query(`alter table ${schema}.events rename to gone`)
    await expect(bus.publish(info)).rejects.toMatchObject({ code: 'EVENTS_STORAGE_CORRUPT' })
    expect(await bus.health()).toMatchObject({ status: 'down', checks: { storage: { status: 'down' } } })
    await setup.server.query(`alter table ${schema}.gone rename to events`)
  })
})
