import { Registry } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { createEventBus } from '../../src/index.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { valuesOf } from '../metrics/scrape.ts'
import { PostgresSetup } from '../storage/postgres/setup.ts'
import { startedBus } from './setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })

test('whether PostgreSQL sends notifications is shown by a metric and by health, when lost and when restored', async () => {
  const register = new Registry()
  const schema = setup.newSchema()
  const storage = setup.store({ schema, applicationName: schema })
  const bus = createEventBus({ storage, metrics: prometheusMetrics({ register }) })
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  const up = async () => (await valuesOf(register, 'listen_up'))['']
  await expect.poll(up).toBe(1)
  expect(await bus.health()).toMatchObject({ status: 'ok', checks: { storage: { listening: true } } })
  // The listener reconnects within half a second, so its connection is ended until a check falls between.
  const endAndLook = async () => {
    await setup.server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and query like 'listen %'`,
      [schema],
    )
    const { status, checks } = await bus.health()
    return { up: await up(), status, listening: checks.storage.listening }
  }
  const down = { up: 0, status: 'degraded', listening: false }
  await expect.poll(endAndLook, { timeout: 10_000 }).toEqual(down)
  await expect.poll(up, { timeout: 10_000 }).toBe(1)
  await expect.poll(async () => (await bus.health()).status).toBe('ok')
})

test('a store without such a channel shows neither', async () => {
  const register = new Registry()
  const bus = await startedBus({ metrics: prometheusMetrics({ register }) })
  expect(await valuesOf(register, 'listen_up')).toEqual({})
  expect((await bus.health()).checks.storage).not.toHaveProperty('listening')
})
