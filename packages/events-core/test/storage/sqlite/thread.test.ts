import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { failureOf, openStore, temporaryPath } from './setup.ts'

test('threads whose port has no close(), as those of Deno, end without an error', async () => {
  const path = temporaryPath()
  const workerUrl = new URL('./children/thread-of-deno.ts', import.meta.url)
  const storage = await openStore(path, { workerUrl })
  await storage.append([makeRecord()])
  await storage.close()
  expect(['writer', 'reader'].map((role) => readFileSync(`${path}.${role}-exit`, 'utf8'))).toEqual(['0', '0'])
})

test('a program of the threads that is missing is named, and is not taken for the driver', async () => {
  const workerUrl = new URL('./children/nowhere.ts', import.meta.url)
  const failure = await failureOf(sqliteStorage({ path: temporaryPath(), workerUrl }).open())
  expect(failure.code).toBe('EVENTS_STORAGE_UNAVAILABLE')
  expect(failure.message).toMatch(/a part of its program is missing .*nowhere\.ts.*docs\/bundling\.md/s)
  expect(failure.message).not.toContain('better-sqlite3')
})

test('on a Node whose version the driver crashes the store is refused', () => {
  const versions = process.versions
  const old = { ...versions, node: '20.20.2' }
  Object.defineProperty(process, 'versions', { value: old })
  try {
    expect(() => sqliteStorage({ path: 'events.db' })).toThrow(
      'need Node 22.18 or newer, and this is Node 20.20.2',
    )
  } finally {
    Object.defineProperty(process, 'versions', { value: versions })
  }
})
