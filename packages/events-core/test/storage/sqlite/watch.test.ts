import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { makeRecords } from '../../../src/testing/record.ts'

const PATIENCE = { timeout: 10_000 }

/** Opens two independent stores on one file, like two processes. */
async function twoStores(): Promise<readonly [EventStorage, EventStorage]> {
  const directory = mkdtempSync(join(tmpdir(), 'viewra-events-'))
  const path = join(directory, 'events.db')
  const stores = [sqliteStorage({ path }), sqliteStorage({ path })] as const
  onTestFinished(async () => {
    for (const storage of stores) await storage.close()
    rmSync(directory, { recursive: true })
  })
  for (const storage of stores) await storage.open()
  return stores
}

test('an append wakes other users of the file, not the store itself', async () => {
  const [storage, other] = await twoStores()
  const own = vi.fn()
  const others = vi.fn()
  storage.watch(own)
  other.watch(others)
  // A watch begins with a check of the file: earlier appends wake no watcher.
  await vi.waitFor(async () => {
    await storage.append(makeRecords(1))
    expect(others.mock.calls.length).toBeGreaterThan(2)
  }, PATIENCE)
  expect(own).not.toHaveBeenCalled()
})

test('a wake runs in the context of its watcher, and may throw', async () => {
  const [storage, other] = await twoStores()
  const who = new AsyncLocalStorage<string>()
  const contexts: (string | undefined)[] = []
  const wake = () => {
    contexts.push(who.getStore())
    throw new Error('odd')
  }
  who.run('watcher', () => other.watch(wake))
  await vi.waitFor(async () => {
    await who.run('publisher', () => storage.append(makeRecords(1)))
    expect(contexts.length).toBeGreaterThan(1)
  }, PATIENCE)
  expect(new Set(contexts)).toEqual(new Set(['watcher']))
})

test('a watcher that stops is not woken', async () => {
  const [storage, other] = await twoStores()
  const gone = vi.fn()
  const wake = vi.fn()
  other.watch(gone)()
  other.watch(wake)
  await vi.waitFor(async () => {
    await storage.append(makeRecords(1))
    expect(wake).toHaveBeenCalled()
  }, PATIENCE)
  expect(gone).not.toHaveBeenCalled()
})

test('a watch survives closing and reopening the store', async () => {
  const [storage, other] = await twoStores()
  const wake = vi.fn()
  other.watch(wake)
  await other.close()
  await other.open()
  await vi.waitFor(async () => {
    await storage.append(makeRecords(1))
    expect(wake).toHaveBeenCalled()
  }, PATIENCE)
})
