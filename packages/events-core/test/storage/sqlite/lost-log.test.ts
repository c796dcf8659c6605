import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { makeRecords } from '../../../src/testing/record.ts'
import { Child, failureOf, openStore, temporaryDirectory, temporaryPath } from './setup.ts'

const LOGS = ['-wal', '-wal and -shm']

function removeLogs(path: string, names: string): void {
  for (const name of names.split(' and ')) rmSync(`${path}${name}`)
}

/** The ids of all events by position; fails when positions have holes. */
async function idsOf(storage: EventStorage): Promise<readonly string[]> {
  const { events } = await storage.list({ limit: 10_000, order: 'asc' })
  expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => index + 1))
  return events.map(({ id }) => id)
}

test.each(LOGS)('a store whose %s was removed continues with all it had', async (names) => {
  const path = temporaryPath()
  const storage = await openStore(path)
  await storage.append(makeRecords(3))
  removeLogs(path, names)
  expect(await storage.count()).toBe(3)
  await storage.append(makeRecords(3))
  removeLogs(path, names)
  await storage.append(makeRecords(3))
  removeLogs(path, names)
  const answers = [
    storage.append(makeRecords(3)),
    storage.count(),
    storage.head(),
    storage.append(makeRecords(1)),
  ]
  await Promise.all(answers)
  expect(await idsOf(storage)).toHaveLength(13)
})

test.each(LOGS)('nothing acknowledged is lost by kill -9 after %s was removed', async (names) => {
  const path = temporaryPath()
  const child = new Child('append-forever', path, '3')
  for (let round = 1; round <= 2; round++) {
    await child.said(child.lines.length + 20)
    removeLogs(path, names)
  }
  await child.said(child.lines.length + 20)
  await child.kill()
  const acknowledged = child.lines.length
  const ids = await idsOf(await openStore(path))
  const expected = Array.from(
    { length: acknowledged * 3 },
    (_, index) => `${Math.floor(index / 3)}/${index % 3}`,
  )
  expect(ids.slice(0, expected.length)).toEqual(expected)
})

test('a write into a replaced log, whose outcome is unknown, is not repeated silently', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  await storage.append(makeRecords(1))
  const outcome = storage.append(makeRecords(4_000)).then(
    ({ receipts }) => receipts.filter(({ duplicate }) => duplicate).length,
    (error) => error.code,
  )
  await sleep(15)
  removeLogs(path, '-wal')
  writeFileSync(`${path}-wal`, '')
  await storage.head().catch(() => undefined)
  expect([0, 'EVENTS_STORAGE_UNAVAILABLE']).toContain(await outcome)
})

test('a delete that the removal interrupts never answers with a part of its count', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  await storage.append(makeRecords(6_000))
  const outcome = storage.deleteMatching({ types: ['test.*'] }).catch((error) => error.code)
  await sleep(20)
  removeLogs(path, '-wal')
  expect([6_000, 'EVENTS_STORAGE_UNAVAILABLE']).toContain(await outcome)
  await storage.clear()
  expect(await storage.count()).toBe(0)
})

test('a store that is closed while its log is being begun anew says so, and stays closed', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  await storage.append(makeRecords(1))
  removeLogs(path, '-wal')
  const calls = [storage.append(makeRecords(1)), storage.count()]
  const closed = storage.close()
  for (const call of await Promise.allSettled(calls))
    if (call.status === 'rejected') expect(call.reason.code).toBe('EVENTS_NOT_RUNNING')
  await closed
  expect((await failureOf(storage.count())).code).toBe('EVENTS_NOT_RUNNING')
})

test('a removed log is noticed although nobody publishes', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  storage.watch(() => {})
  await storage.append(makeRecords(3))
  removeLogs(path, '-wal and -shm')
  await sleep(1_000)
  // The log is in the file by now, so it does not matter that nobody closes the store.
  const copy = `${temporaryDirectory()}/events.db`
  cpSync(path, copy)
  expect(await idsOf(await openStore(copy))).toHaveLength(3)
})

test('two processes whose log is removed acknowledge nothing that is lost, and the last one continues', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  const child = new Child('append-forever', path, '2')
  await child.said(10)
  await storage.append(makeRecords(1))
  removeLogs(path, '-wal')
  expect(await child.ended()).toBe(1)
  const theirs = child.lines.flatMap((batch) => [`${batch}/0`, `${batch}/1`])
  await storage.append(makeRecords(1))
  expect(await idsOf(storage)).toEqual(expect.arrayContaining(theirs))
})

test('of two processes whose log is removed, neither continues beside the other', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  const child = new Child('append-some', path, 'theirs', '1')
  child.say('go')
  await child.said(3)
  const other = await openStore(path)
  await storage.append(makeRecords(1))
  removeLogs(path, '-wal')
  expect(await failureOf(storage.append(makeRecords(1)))).toMatchObject({
    code: 'EVENTS_STORAGE_UNAVAILABLE',
    message: expect.stringContaining('several processes'),
  })
  await other.close()
  await storage.append(makeRecords(1))
  expect(await idsOf(storage)).toHaveLength(9)
})

test('a copy of the folder, which lets go of the locks, loses nothing when another process comes and goes', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  for (let round = 0; round < 5; round++) {
    await storage.append(makeRecords(3))
    cpSync(dirname(path), temporaryDirectory(), { recursive: true })
    const child = new Child('append-some', path, `child ${round}`, '1')
    child.say('go')
    await child.said(3)
    expect(await child.ended()).toBe(0)
    await storage.append(makeRecords(3))
  }
  expect(await idsOf(storage)).toHaveLength(5 * (3 + 7 + 3))
})
