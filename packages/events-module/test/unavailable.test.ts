import { type ErrorCode, type EventStorage, EventsError, memoryStorage } from '@viewra/events-core'
import { describe, expect, test } from 'vitest'
import { eventsApp } from './events-app.ts'

const URL = '/api/v1/events'

const CALLS = [
  ['GET', ''],
  ['GET', '/some-id'],
  ['GET', '/stats'],
  ['GET', '/types'],
  ['POST', ''],
  ['POST', '/clear'],
  ['DELETE', '/some-id'],
] as const

/** A memory store that fails whatever is asked of it. */
function failing(code: ErrorCode): EventStorage {
  const fail = async () => {
    throw new EventsError(code, 'as the test wants it, at /a/secret/path')
  }
  const storage = memoryStorage()
  return Object.assign(storage, {
    append: fail,
    list: fail,
    get: fail,
    delete: fail,
    clear: fail,
    totals: fail,
  })
}

describe('a store or a bus that cannot', () => {
  test.each(CALLS)('%s %s while the store is away is 503 with Retry-After', async (method, path) => {
    const { app } = await eventsApp({
      bus: { storage: failing('EVENTS_STORAGE_UNAVAILABLE'), publishTimeoutMs: 30 },
    })
    const payload = method === 'POST' && path === '' ? { type: 'a', source: 'x' } : undefined
    const answer = await app.inject({ method, url: URL + path, ...(payload && { payload }) })
    expect(answer.statusCode).toBe(503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(answer.json()).toMatchObject({
      code: 'EVENTS_STORAGE_UNAVAILABLE',
      title: 'Event store unavailable',
    })
  })

  test.each([...CALLS, ['GET', '/stream'] as const])(
    '%s %s when the bus was stopped is 503',
    async (method, path) => {
      const { app, bus } = await eventsApp()
      await bus.stop()
      const payload = method === 'POST' && path === '' ? { type: 'a', source: 'x' } : undefined
      const answer = await app.inject({ method, url: URL + path, ...(payload && { payload }) })
      expect(answer.statusCode).toBe(503)
      expect(answer.headers['retry-after']).toBeDefined()
      expect(answer.json().code).toBe('EVENTS_NOT_RUNNING')
    },
  )

  test('what the server is to blame for is 500 and tells nothing of its insides', async () => {
    const { app } = await eventsApp({ bus: { storage: failing('EVENTS_STORAGE_FAILED') } })
    const answer = await app.inject(URL)
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain('secret')
    expect(answer.json().code).toBe('EVENTS_STORAGE_FAILED')
  })

  test('a damaged store is told with what to do', async () => {
    const { app } = await eventsApp({ bus: { storage: failing('EVENTS_STORAGE_CORRUPT') } })
    const answer = await app.inject(URL)
    expect(answer.statusCode).toBe(500)
    expect(answer.json()).toMatchObject({
      code: 'EVENTS_STORAGE_CORRUPT',
      detail: expect.stringContaining('secret'),
    })
  })

  test('GET /health is 503 and says what is down', async () => {
    const { app, bus } = await eventsApp()
    await bus.stop()
    const answer = await app.inject(`${URL}/health`)
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({
      healthy: false,
      status: 'down',
      checks: { bus: { status: 'down' } },
    })
    expect(answer.json().error).toContain('bus: the bus is not running')
  })
})
