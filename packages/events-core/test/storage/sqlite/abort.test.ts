import { expect, test } from 'vitest'
import { makeRecords } from '../../../src/testing/record.ts'
import { openStore, temporaryPath } from './setup.ts'

/** Searching a message for the text takes a millisecond: it almost matches at each place. */
const MESSAGE = 'a'.repeat(8_000)
const SLOW = { text: `${'a'.repeat(200)}b` }
const EVENTS = 1_000

async function slowStore() {
  const storage = await openStore(temporaryPath())
  await storage.append(makeRecords(EVENTS, { message: MESSAGE }))
  return storage
}

test('aborted searches take no further time from others', async () => {
  const storage = await slowStore()
  const began = performance.now()
  await storage.count(SLOW)
  const oneMs = performance.now() - began
  const controller = new AbortController()
  const searches = Array.from({ length: 100 }, () => storage.count(SLOW, controller))
  const outcomes = Promise.allSettled(searches)
  await storage.head()
  controller.abort()
  const abortedAt = performance.now()
  await outcomes
  await storage.list({ limit: 10 })
  // Searching all would take a hundred times as long as one.
  expect(performance.now() - abortedAt).toBeLessThan(oneMs * 30)
})

test('reading the head and a page does not wait for earlier searches to end', async () => {
  const storage = await slowStore()
  const ended: string[] = []
  const searches = Array.from({ length: 20 }, () => storage.count(SLOW).then(() => ended.push('search')))
  await Promise.all([
    storage.head().then(() => ended.push('head')),
    storage.list({ limit: 10, filter: { minPriority: 1 } }).then(() => ended.push('page')),
    storage.get('nothing').then(() => ended.push('get')),
  ])
  expect(ended.filter((what) => what === 'search').length).toBeLessThan(searches.length)
  const before = (what: string) =>
    ended.slice(0, ended.indexOf(what)).filter((one) => one === 'search').length
  expect(before('head')).toBeLessThan(5)
  await Promise.all(searches)
})

test('closing the store ends its searches', async () => {
  const storage = await slowStore()
  const searches = Array.from({ length: 50 }, () => storage.count(SLOW))
  const outcomes = Promise.allSettled(searches)
  await storage.close()
  const failed = (await outcomes).filter(({ status }) => status === 'rejected')
  expect(failed.length).toBeGreaterThan(0)
  for (const outcome of failed) expect(outcome).toMatchObject({ reason: { code: 'EVENTS_NOT_RUNNING' } })
})
