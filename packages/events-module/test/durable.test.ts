import type { EventBus } from '@viewra/events-core'
import { describe, expect, test } from 'vitest'
import { eventsApp } from './events-app.ts'

const URL = '/api/v1/events'
const soon = { checkpointMs: 5, retry: { attempts: 2, minDelayMs: 1 } }

async function appWithSubscription(handler: () => unknown = () => undefined) {
  const { app, bus } = await eventsApp()
  await bus.subscribe('x', handler, { durable: 'enricher', ...soon })
  const post = (path: string, payload: object = {}) =>
    app.inject({ method: 'POST', url: URL + path, payload })
  const durable = async () => (await app.inject(`${URL}/subscriptions`)).json().durable
  return { app, bus, post, durable }
}

const publish = (bus: EventBus, count: number) =>
  bus.publishMany(Array.from({ length: count }, () => ({ type: 'x', source: 'test' })))

describe('durable subscriptions', () => {
  test('are shown with their state and lag, beside what this process runs', async () => {
    const { app, bus, durable } = await appWithSubscription()
    await publish(bus, 3)
    await expect.poll(durable).toEqual([
      {
        name: 'enricher',
        partitions: 1,
        position: 3,
        lag: 0,
        missed: null,
        state: 'running',
        owners: [expect.any(String)],
        created: expect.stringMatching(/Z$/),
        saved: expect.stringMatching(/Z$/),
      },
    ])
    const { subscriptions, count } = (await app.inject(`${URL}/subscriptions`)).json()
    expect(count).toBe(1)
    expect(subscriptions).toMatchObject([
      { name: 'enricher', durable: true, state: 'running', trigger_count: 3 },
    ])
  })

  test('are paused, resumed, reset, renamed and deleted', async () => {
    let handled = 0
    const { app, bus, post, durable } = await appWithSubscription(() => handled++)
    expect((await post('/subscriptions/enricher/pause')).json()).toEqual({
      message: 'Subscription paused',
      name: 'enricher',
      success: true,
    })
    await expect.poll(durable).toMatchObject([{ state: 'paused' }])
    await publish(bus, 3)
    expect((await post('/subscriptions/enricher/resume')).statusCode).toBe(200)
    await expect.poll(() => handled).toBe(3)
    // Pausing has left an event of its own before the three.
    expect((await post('/subscriptions/enricher/reset', { to: 2 })).statusCode).toBe(200)
    await expect.poll(() => handled).toBe(5)
    expect((await post('/subscriptions/enricher/rename', { to: 'other' })).json().name).toBe('other')
    expect(await durable()).toMatchObject([{ name: 'other' }])
    expect((await app.inject({ method: 'DELETE', url: `${URL}/subscriptions/other` })).statusCode).toBe(200)
    expect(await durable()).toEqual([])
  })

  test('that are unknown are 404, and wrong bodies 400 with the field', async () => {
    const { app, post } = await appWithSubscription()
    for (const path of ['pause', 'resume'])
      expect((await post(`/subscriptions/nobody/${path}`)).statusCode).toBe(404)
    expect((await post('/subscriptions/nobody/reset', { to: 'now' })).statusCode).toBe(404)
    expect((await app.inject({ method: 'DELETE', url: `${URL}/subscriptions/nobody` })).statusCode).toBe(404)
    for (const payload of [{}, { to: 'yesterday' }, { to: -1 }, { to: 99 }, { to: 'now', at: 5 }]) {
      const answer = await post('/subscriptions/enricher/reset', payload)
      expect([answer.statusCode, answer.json().errors?.length > 0]).toEqual([400, true])
    }
    const conflict = await post('/subscriptions/enricher/rename', { to: 'enricher' })
    expect(conflict.statusCode).toBe(200)
    expect((await post('/subscriptions/enricher/pause', { now: true })).statusCode).toBe(400)
  })
})

describe('dead letters', () => {
  async function appWithDeadLetters() {
    let broken = true
    const made = await appWithSubscription(() => {
      if (broken) throw new Error('no')
    })
    await publish(made.bus, 3)
    const list = async (query = '') => (await made.app.inject(`${URL}/dead-letters${query}`)).json()
    await expect.poll(async () => (await list()).total).toBe(3)
    const repair = () => {
      broken = false
    }
    return { ...made, list, repair }
  }

  test('are listed with event, error and attempts, page by page', async () => {
    const { list } = await appWithDeadLetters()
    const first = await list('?limit=2&subscription=enricher&type=x')
    expect(first).toMatchObject({ total: 3, next: expect.any(String) })
    expect(first.dead_letters[0]).toMatchObject({
      subscription: 'enricher',
      event: { type: 'x', position: 3 },
      error: 'no',
      attempts: 2,
      retrying: false,
    })
    const second = await list(`?limit=2&after=${first.next}`)
    expect(second.dead_letters).toHaveLength(1)
    expect(second.next).toBeUndefined()
    expect((await list('?type=y')).total).toBe(0)
  })

  test('are retried one by one and by filter, with a dry run that only counts', async () => {
    const { post, list, repair } = await appWithDeadLetters()
    expect((await post('/dead-letters/retry', { dry_run: true })).json().count).toBe(3)
    repair()
    const [letter] = (await list()).dead_letters
    expect((await post(`/dead-letters/${letter.id}/retry`)).json()).toMatchObject({
      id: letter.id,
      success: true,
    })
    await expect.poll(async () => (await list()).total).toBe(2)
    expect((await post('/dead-letters/retry', { subscription: 'enricher' })).json().count).toBe(2)
    await expect.poll(async () => (await list()).total).toBe(0)
  })

  test('are deleted; unknown ones are 404, and wrong bodies 400', async () => {
    const { app, post, list } = await appWithDeadLetters()
    const [letter] = (await list()).dead_letters
    const remove = () => app.inject({ method: 'DELETE', url: `${URL}/dead-letters/${letter.id}` })
    expect((await remove()).statusCode).toBe(200)
    expect((await remove()).statusCode).toBe(404)
    expect((await post(`/dead-letters/${letter.id}/retry`)).statusCode).toBe(404)
    expect((await post('/dead-letters/retry', { limit: 0 })).statusCode).toBe(400)
    expect((await post('/dead-letters/retry', { subscripton: 'x' })).json().errors).toMatchObject([
      { path: 'subscripton' },
    ])
    expect((await list()).total).toBe(2)
  })
})
