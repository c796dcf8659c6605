import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createStorage } from '../../src/index.ts'
import { makeRecord } from '../../src/testing/index.ts'

test('memory: is a store in memory', async () => {
  const storage = await createStorage('memory:', { now: () => 0 })
  await storage.open()
  expect(storage.name).toBe('memory')
  expect((await storage.append([makeRecord()])).recordedAt).toBe('1970-01-01T00:00:00.000Z')
  await storage.close()
})

test('sqlite: takes a file path', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'viewra-events-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const storage = await createStorage(`sqlite:${join(directory, 'events.db')}`, { now: () => 0 })
  await storage.open()
  expect(storage.name).toBe('sqlite')
  expect((await storage.append([makeRecord()])).recordedAt).toBe('1970-01-01T00:00:00.000Z')
  await storage.close()
})

test('postgres: and postgresql: take a database URL', async () => {
  for (const scheme of ['postgres', 'postgresql']) {
    const storage = await createStorage(`${scheme}://app:secret@localhost:1/app`)
    expect(storage.name).toBe('postgres')
    await expect(storage.open()).rejects.toHaveProperty('code', 'EVENTS_STORAGE_UNAVAILABLE')
  }
})

test.each([
  '',
  'events.db',
  'memory:x',
  'sqlite:',
  'mysql://root:secret@db/app',
  'postgres',
  'POSTGRES://a/b',
])('rejects %o, says what it accepts, and shows no password', async (url) => {
  const refusal = createStorage(url)
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_INVALID')
  await expect(refusal).rejects.toThrow(/memory:, sqlite:<path of the file>, or postgres:\/\//)
  await expect(refusal).rejects.not.toThrow('secret')
})
