import { once } from 'node:events'
import { get } from 'node:http'
import { json } from 'node:stream/consumers'
import { type CallOptions, type EventStorage, memoryStorage } from '@viewra/events-core'
import { describe, expect, test } from 'vitest'
import { eventsApp, listeningApp } from './events-app.ts'

const URL = '/api/v1/events'
const QUERIES = ['', '/range?start=2024-01-01T00:00:00Z&end=2030-01-01T00:00:00Z', '/stats', '/types']

interface EndlessStore {
  readonly storage: EventStorage
  /** Resolves when the first query is under way. */
  readonly asked: Promise<void>
  /** With what the first query was given up. */
  readonly reason: Promise<unknown>
}

/** A memory store that looks for what is asked until its signal aborts. */
function endlessStore(): EndlessStore {
  const asked = Promise.withResolvers<void>()
  const reason = Promise.withResolvers<unknown>()
  const search = ({ signal }: CallOptions = {}) =>
    new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => {
        reason.resolve(signal.reason)
        reject(signal.reason)
      })
      asked.resolve()
    })
  const storage = Object.assign(memoryStorage(), {
    list: (_query: unknown, options?: CallOptions) => search(options),
    totals: search,
  })
  return { storage, asked: asked.promise, reason: reason.promise }
}

describe('a query of the store', () => {
  test.each(QUERIES)('GET %s that takes too long is given up, and says what to ask instead', async (path) => {
    const { storage } = endlessStore()
    const { app } = await eventsApp({ bus: { storage }, module: { queryTimeoutMs: 50 } })
    const answer = await app.inject(URL + path)
    expect(answer.statusCode).toBe(503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(answer.json()).toMatchObject({
      code: 'HTTP_QUERY_TIMEOUT',
      detail: expect.stringMatching(/given up after 50 ms.*cursor.*count=none/),
    })
  })

  test.each(QUERIES)('GET %s is given up when its client goes away', async (path) => {
    const { storage, asked, reason } = endlessStore()
    const { url } = await listeningApp({ bus: { storage } })
    const request = get(url + path, { agent: false }).on('error', () => {})
    await asked
    request.destroy()
    expect(await reason).toMatchObject({ code: 'HTTP_CLIENT_GONE' })
  })

  test('is given up, and answered, when the app closes', async () => {
    const { storage, asked } = endlessStore()
    const { app, url } = await listeningApp({ bus: { storage } })
    const request = get(url, { agent: false })
    const answering = once(request, 'response')
    await asked
    const closing = app.close()
    const [answer] = await answering
    expect(answer.statusCode).toBe(503)
    expect(await json(answer)).toMatchObject({ code: 'HTTP_SHUTTING_DOWN' })
    await closing
  })
})
