import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { WalLimit } from '../../../src/storage/sqlite/file/wal-limit.ts'
import { temporaryPath } from './setup.ts'

const MIB = 1024 * 1024

test('the write-ahead log is emptied beyond 16 MiB', () => {
  const path = temporaryPath()
  const file = openFile(path)
  const limit = new WalLimit(file, 1_000)
  const sizes = Array.from({ length: 20 }, () => {
    grow(file, MIB)
    limit.check()
    return walBytes(path)
  })
  expect(Math.max(...sizes)).toBeGreaterThan(15 * MIB)
  expect(Math.max(...sizes)).toBeLessThan(17 * MIB)
  expect(sizes).toContain(0)
})

test('the writer waits for a long reader only briefly, every now and then', () => {
  const path = temporaryPath()
  const file = openFile(path)
  const limit = new WalLimit(file, 1_000)
  grow(file, MIB)
  const reader = openFile(path)
  reader.exec('begin')
  reader.prepare('select count(*) from t').get()
  grow(file, 20 * MIB)
  limit.check()
  expect(walBytes(path)).toBeGreaterThan(20 * MIB)
  expect(file.pragma('busy_timeout', { simple: true })).toBe(1_000)
  reader.exec('commit')
  grow(file, MIB)
  limit.check()
  expect(walBytes(path)).toBeGreaterThan(20 * MIB)
  grow(file, 4 * MIB)
  limit.check()
  expect(walBytes(path)).toBe(0)
})

function openFile(path: string): Database.Database {
  const file = new Database(path)
  onTestFinished(() => {
    file.close()
  })
  file.pragma('journal_mode = wal')
  // Otherwise SQLite would itself do what is tested here, which it cannot while a reader is active.
  file.pragma('wal_autocheckpoint = 0')
  file.exec('create table if not exists t (x blob)')
  return file
}

function grow(file: Database.Database, bytes: number): void {
  const insert = file.prepare('insert into t values (zeroblob(?))')
  for (let written = 0; written < bytes; written += MIB) insert.run(MIB)
}

function walBytes(path: string): number {
  return statSync(`${path}-wal`).size
}
