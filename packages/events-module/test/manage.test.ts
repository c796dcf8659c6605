import { EventsError, memoryStorage } from '@viewra/events-core'
import { expect, test } from 'vitest'
import { eventsApp } from './events-app.ts'

const URL = '/api/v1/events'

test.each([
  ['POST', '/clear'],
  ['DELETE', ''],
  ['DELETE', '/'],
] as const)('%s %s leaves one event, which says who cleared', async (method, path) => {
  const { app, bus } = await eventsApp({ module: { authorize: () => ({ name: 'ada', role: 'admin' }) } })
  await bus.publishMany([1, 2, 3].map(() => ({ type: 'a', source: 'x' })))
  const headers = { 'user-agent': 'admin-page/1.0', 'content-type': 'application/json' }
  const answer = await app.inject({ method, url: URL + path, headers, remoteAddress: '192.0.2.7' })
  expect(answer.json()).toMatchObject({ success: true, deleted: 3 })
  const { events, total } = (await app.inject(URL)).json()
  expect(total).toBe(1)
  expect(events[0]).toMatchObject({
    type: 'info',
    source: 'system',
    title: 'Events Cleared',
    message: '3 events were cleared from 192.0.2.7 with admin-page/1.0',
    data: { details: { deleted: 3, principal: 'ada', ip: '192.0.2.7', user_agent: 'admin-page/1.0' } },
  })
})

test('positions go on after clearing', async () => {
  const { app, bus } = await eventsApp()
  await bus.publish({ type: 'a', source: 'x' })
  await app.inject({ method: 'POST', url: `${URL}/clear` })
  expect((await app.inject(URL)).json().events[0].position).toBe(2)
})

test('clearing says so when it could not be recorded', async () => {
  const storage = memoryStorage()
  const { app, bus } = await eventsApp({ bus: { storage, publishTimeoutMs: 30 } })
  await bus.publish({ type: 'a', source: 'x' })
  storage.append = async () => {
    throw new EventsError('EVENTS_STORAGE_FULL', 'no space')
  }
  const answer = await app.inject({ method: 'POST', url: `${URL}/clear` })
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toEqual({
    message: 'All events cleared, but no record of it could be stored',
    success: true,
    deleted: 1,
  })
})

test('deleting twice is 404 the second time, and deletes nothing else', async () => {
  const { app, bus } = await eventsApp()
  await bus.publishMany([
    { id: 'a', type: 'a', source: 'x' },
    { id: 'b', type: 'a', source: 'x' },
  ])
  const remove = () =>
    app.inject({ method: 'DELETE', url: `${URL}/a`, headers: { 'content-type': 'application/json' } })
  expect((await remove()).statusCode).toBe(200)
  expect((await remove()).json()).toMatchObject({
    code: 'EVENTS_NOT_FOUND',
    detail: expect.stringContaining("'a'"),
  })
  expect(await bus.count({ types: ['a'] })).toBe(1)
})

test('a client that floods the record of a clearing is cut short', async () => {
  const { app } = await eventsApp()
  const headers = { 'user-agent': 'x'.repeat(10_000) }
  const answer = await app.inject({ method: 'POST', url: `${URL}/clear`, headers })
  expect(answer.json().message).toBe('All events cleared successfully')
  expect((await app.inject(URL)).json().events[0].data.details.user_agent).toHaveLength(256)
})
