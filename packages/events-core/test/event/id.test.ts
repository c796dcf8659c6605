import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { createEventId } from '../../src/index.ts'

test('an id is a UUIDv7 of the given time', () => {
  const id = createEventId(Date.UTC(2035, 5, 1))
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(Date.UTC(2035, 5, 1))
})

test('ids sort in order of creation, even if the clock stands still or goes back', () => {
  const base = Date.UTC(2036, 0, 1)
  const ids = Array.from({ length: 20_000 }, (_, i) => createEventId(base - (i % 7)))
  expect(ids).toEqual(ids.toSorted())
  expect(new Set(ids).size).toBe(ids.length)
})

test('a million ids from four threads are unique, and sorted within each thread', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(new URL('../../src/event/id.ts', import.meta.url).href)}).then(({ createEventId }) => {
      parentPort.postMessage(Array.from({ length: 250_000 }, () => createEventId(Date.now())))
    })`
  const lists = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const worker = new Worker(source, { eval: true })
      const { promise, resolve, reject } = Promise.withResolvers<string[]>()
      worker.once('message', resolve).once('error', reject)
      return promise.finally(() => worker.terminate())
    }),
  )
  expect(new Set(lists.flat()).size).toBe(1_000_000)
  for (const ids of lists) expect(ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? ''))).toBe(true)
})
