import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { openStore, temporaryPath } from './setup.ts'

/** The store has a trigger that refuses events titled so. */
const REFUSED = 'refused'

async function openedStore(): Promise<EventStorage> {
  const path = temporaryPath()
  const storage = await openStore(path)
  const file = new Database(path)
  file.exec(`create trigger refuse before insert on events when new.title = '${REFUSED}'
    begin select raise(abort, 'refused by the test'); end`)
  file.close()
  return storage
}

describe('an append behind another', () => {
  test('is stored after it', async () => {
    const storage = await openedStore()
    const answers = await Promise.all([
      storage.append([makeRecord(), makeRecord()]),
      storage.appendBehind?.([makeRecord()]),
      storage.appendBehind?.([makeRecord()]),
    ])
    const positions = answers.map((answer) => answer?.receipts.map(({ position }) => position))
    expect(positions).toEqual([[1, 2], [3], [4]])
  })

  test('is not stored when that fails, nor is one behind it; the next append is', async () => {
    const storage = await openedStore()
    const answers = await Promise.allSettled([
      storage.append([makeRecord({ title: REFUSED })]),
      storage.appendBehind?.([makeRecord()]),
      storage.appendBehind?.([makeRecord()]),
      storage.append([makeRecord({ title: 'next' })]),
    ])
    expect(answers).toMatchObject([
      { status: 'rejected', reason: { code: 'EVENTS_STORAGE_FAILED' } },
      { status: 'rejected', reason: { code: 'EVENTS_STORAGE_LOCKED', retryable: true } },
      { status: 'rejected', reason: { code: 'EVENTS_STORAGE_LOCKED', retryable: true } },
      { status: 'fulfilled', value: { receipts: [{ position: 1 }] } },
    ])
    expect((await storage.list({ limit: 10 })).events).toMatchObject([{ title: 'next' }])
  })
})
