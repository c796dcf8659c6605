import { EventSourcePolyfill } from 'event-source-polyfill'
import { EventSource } from 'eventsource'
import type { FastifyRequest } from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { listeningApp } from './events-app.ts'

const HEADERS = { authorization: 'Bearer a.jwt.of-the-host' }

const input = (n: number) => ({ type: 'a', source: 'x', data: { n } })
const range = (to: number) => Array.from({ length: to }, (_, index) => index + 1)

/** A host app whose users have tokens of its own: the module cannot know what they are. */
async function hostApp() {
  const authorize = ({ headers }: FastifyRequest) =>
    headers.authorization === HEADERS.authorization ? ({ name: 'vera', role: 'admin' } as const) : undefined
  const { app, bus, url } = await listeningApp({ module: { authorize } })
  // As a network that fails.
  const cut = () => app.server.closeAllConnections()
  return { bus, url, cut }
}

/** Keeps cookies, as a browser does and Node does not. */
function browserFetch(): typeof fetch {
  let cookie = ''
  return async (url, init) => {
    const headers = { ...Object.fromEntries(new Headers(init?.headers)), ...(cookie && { cookie }) }
    const response = await fetch(url, { ...init, headers })
    cookie = response.headers.get('set-cookie')?.split(';', 1).join() ?? cookie
    return response
  }
}

/** Collects the numbers of the events that a client gets. */
function numbersOf(source: EventSource | EventSourcePolyfill): readonly number[] {
  onTestFinished(() => source.close())
  const numbers: number[] = []
  source.onmessage = ({ data }: { readonly data: string }) => {
    const frame = JSON.parse(data)
    if (frame.type === 'event') numbers.push(frame.data.data.n)
  }
  return numbers
}

test('an EventSource goes on by itself where it broke, with its used ticket and the cookie', async () => {
  const { bus, url, cut } = await hostApp()
  const asked = await fetch(`${url}/tickets`, { method: 'POST', headers: HEADERS })
  const { ticket } = JSON.parse(await asked.text())
  await bus.publishMany(range(3).map(input))
  const stream = `${url}/stream?ticket=${ticket}&from=beginning`
  const numbers = numbersOf(new EventSource(stream, { fetch: browserFetch() }))
  await expect.poll(() => numbers).toEqual(range(3))
  cut()
  await bus.publish(input(4))
  await expect.poll(() => numbers, { timeout: 20_000 }).toEqual(range(4))
})

test('event-source-polyfill goes on where it broke, which it says in the query', async () => {
  const { bus, url, cut } = await hostApp()
  await bus.publishMany(range(3).map(input))
  const numbers = numbersOf(new EventSourcePolyfill(`${url}/stream?from=beginning`, { headers: HEADERS }))
  await expect.poll(() => numbers).toEqual(range(3))
  cut()
  await bus.publish(input(4))
  await expect.poll(() => numbers, { timeout: 20_000 }).toEqual(range(4))
})
