import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { failureOf, openStore, temporaryPath } from './setup.ts'

test('threads whose port has no close(), as in Deno, end without an error', async () => {
  const path = temporaryPath()
  const workerUrl = new URL('./children/thread-of-deno.ts', import.meta.url)
  const storage = await openStore(path, { workerUrl })
  await storage.append([makeRecord()])
  await storage.close()
  expect(['writer', 'reader'].map((role) => readFileSync(`${path}.${role}-exit`, 'utf8'))).toEqual(['0', '0'])
})

test('a missing worker program is named and not mistaken for a missing driver', async () => {
  const workerUrl = new URL('./children/nowhere.ts', import.meta.url)
  const failure = await failureOf(sqliteStorage({ path: temporaryPath(), workerUrl }).open())
  expect(failure.code).toBe('EVENTS_STORAGE_UNAVAILABLE')
  expect(failure.message).toMatch(/a part of its program is missing .*nowhere\.ts.*docs\/bundling\.md/s)
  expect(failure.message).not.toContain('better-sqlite3')
})

test('the store refuses to start on Node versions that the driver crashes', () => {
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
