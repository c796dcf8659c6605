import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventFilter } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'
import { SseClient } from './sse-client.ts'

const numbered = (name: (number: number) => string) =>
  Array.from({ length: 1_000 }, (_, index) => name(index))

const DATA = Object.fromEntries(numbered((number) => `k${number}`).map((key) => [key, 1]))

/** By what is at its limit: the filter, and how a query says it. */
const CASES: Readonly<Record<string, { readonly filter: EventFilter; readonly query: string }>> = {
  '1,000 types': listCase('types', (number) => `t${number}`),
  '1,000 type wildcards': listCase('types', (number) => `t${number}.*`),
  '1,000 sources': listCase('sources', (number) => `s${number}`),
  '1,000 prefixes of sources': listCase('sources', (number) => `s${number}*`),
  '1,000 values of data': {
    filter: { data: DATA },
    query: Object.keys(DATA)
      .map((key) => `data.${key}=1`)
      .join('&'),
  },
}

function listCase(condition: 'types' | 'sources', name: (number: number) => string) {
  const list = numbered(name)
  return { filter: { [condition]: list }, query: `${condition}=${list.join()}` }
}

/** Both cases of types are met. */
const EVENTS = [
  { id: 'a', type: 't999', source: 's999', data: DATA },
  { id: 'b', type: 't999.x', source: 's999', data: DATA },
]
const OTHER = { id: 'other', type: 'other', source: 'other' }

/** An app on a SQLite file, the store with the narrowest limits of its own, with some events. */
async function appWithEvents() {
  const directory = mkdtempSync(join(tmpdir(), 'viewra-events-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const storage = sqliteStorage({ path: join(directory, 'events.db'), synchronous: 'normal' })
  const { bus, url } = await listeningApp({ bus: { storage } })
  await bus.publishMany([OTHER, ...EVENTS])
  return { bus, url }
}

describe.each(Object.entries(CASES))('a filter at its limit, %s,', (_name, { filter, query }) => {
  test('selects in a list, a range, a stream and a socket', async () => {
    const { url } = await appWithEvents()
    const lists = [`?${query}`, `/range?start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z&${query}`]
    const found: string[] = []
    for (const path of lists) {
      const answer = await fetch(url + path)
      expect(answer.status).toBe(200)
      found.push(...(await idsOf(answer)))
    }
    expect(new Set(found).has('other')).toBe(false)
    const [first = ''] = found.toReversed()
    const stream = await SseClient.open(`${url}/stream?from=beginning&${query}`)
    expect((await stream.until('event')).at(-1)?.data.id).toBe(first)
    const socket = await SocketClient.open(url)
    socket.send({ type: 'subscribe', id: 's', filter: { ...filter }, from: 'beginning' })
    expect((await socket.until('event')).at(-1)).toMatchObject({ event: { id: first } })
  })

  test('selects for a durable subscription, and for a delete', async () => {
    const { bus } = await appWithEvents()
    const handled: string[] = []
    await bus.subscribe(filter, ({ id }) => handled.push(id), { durable: 'all', from: 'beginning' })
    await vi.waitFor(() => expect(handled.length).toBeGreaterThan(0), 10_000)
    expect(handled).not.toContain('other')
    expect(await bus.deleteMatching(filter)).toBe(handled.length)
    expect(await bus.get('other')).toBeDefined()
  })
})

async function idsOf(answer: Response): Promise<string[]> {
  // As docs/http-api.md has it.
  const page = (await answer.json()) as { readonly events: readonly { readonly id: string }[] }
  return page.events.map(({ id }) => id)
}
