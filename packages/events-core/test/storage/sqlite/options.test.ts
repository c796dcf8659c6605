import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EventsError } from '../../../src/errors.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { openStore, temporaryDirectory } from './setup.ts'

/** The options are those that a caller without types may pass. */
function problemsOf(options: object): readonly { path: string; message: string }[] {
  try {
    Reflect.apply(sqliteStorage, undefined, [options])
  } catch (error) {
    if (error instanceof EventsError && error.code === 'EVENTS_INVALID') return error.issues
    throw error
  }
  return []
}

describe('the options of the SQLite store', () => {
  test.each([
    ['path', { path: '' }],
    ['path', {}],
    ['path', { path: 5 }],
    ['path', { path: ':memory:' }],
    ['path', { path: 'file:events.db?mode=memory' }],
    ['path', { path: 'events.db ' }],
    ['path', { path: 'a\0b' }],
    ['now', { path: 'a.db', now: 5 }],
    ['synchronous', { path: 'a.db', synchronous: 'off' }],
    ['busyTimeoutMs', { path: 'a.db', busyTimeoutMs: -1 }],
    ['maxBytes', { path: 'a.db', maxBytes: 1000 }],
    ['workerUrl', { path: 'a.db', workerUrl: './worker.js' }],
    ['workerUrl', { path: 'a.db', workerUrl: new URL('https://a.example/worker.js') }],
    ['Path', { path: 'a.db', Path: 'b.db' }],
  ])('an invalid %s is rejected by name: %j', (name, options) => {
    expect(problemsOf(options).map((issue) => issue.path)).toEqual([name])
  })

  test('anything but an options object is rejected', () => {
    expect(problemsOf(Object(5))).not.toEqual([])
    expect(() => Reflect.apply(sqliteStorage, undefined, [])).toThrow(EventsError)
  })

  test('for a store in memory, the error names the adapter to use', () => {
    expect(problemsOf({ path: ':memory:' })[0]?.message).toContain('memoryStorage')
  })

  test('nothing is created before the store is opened; then its directory is too', async () => {
    const path = join(temporaryDirectory(), 'a', 'b', 'events.db')
    sqliteStorage({ path })
    expect(existsSync(path)).toBe(false)
    await openStore(path)
    expect(existsSync(path)).toBe(true)
  })
})
