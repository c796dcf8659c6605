import Database from 'better-sqlite3'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import type { SqlDialect } from '../../../src/storage/sql/sql-log.ts'
import { sqliteDialect } from '../../../src/storage/sqlite/dialect.ts'
import { makeRecords } from '../../../src/testing/record.ts'
import { openStore, temporaryPath } from './setup.ts'

const EVENTS = 500
const numbers = Array.from({ length: 900 }, (_, index) => index)
const texts = (length: number) => numbers.map((number) => String(number).padStart(length, 'é'))

const compiler = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

/** Passing one of these takes a millisecond or more, a cost that must not occur per event. */
const LARGE = {
  'prefixes of sources': (dialect: SqlDialect) => dialect.startsWithAny('source', texts(255)),
  'a part of the data': (dialect: SqlDialect) => dialect.dataContains({ list: texts(512) }),
}

test.each(Object.entries(LARGE))('%s: a large condition costs no more per event', (_name, condition) => {
  const file = new Database(':memory:')
  onTestFinished(() => void file.close())
  file.exec("create table events (source text default 'a', data text default '{}')")
  const query = sql`select count(*) from events where ${condition(sqliteDialect(file))}`.compile(compiler)
  const insert = (count: number) => {
    for (let row = 0; row < count; row++) file.exec('insert into events default values')
  }
  const timeOf = () => {
    const began = performance.now()
    file.prepare(query.sql).all(...query.parameters)
    return performance.now() - began
  }
  insert(1)
  timeOf()
  const once = timeOf()
  insert(EVENTS)
  expect(timeOf()).toBeLessThan(once * 20 + 50)
})

test('large conditions of several kinds and searches do not interfere', async () => {
  const storage = await openStore(temporaryPath())
  const many = (kind: string) => numbers.map((number) => `${kind}${number}`)
  const of = (kind: string, number: number) => ({
    type: `${kind}${number}.x`,
    source: `${kind}${number}`,
    data: { list: [kind, number] },
  })
  await storage.append(['a', 'b', 'c'].flatMap((kind) => makeRecords(2, of(kind, 7))))
  const counts = Array.from({ length: 9 }, (_, index) => {
    const kind = ['a', 'b', 'c'][index % 3] ?? ''
    return storage.count({
      types: many(kind).map((type) => `${type}.*`),
      sources: many(kind).map((source) => `${source}*`),
      data: { list: [kind, 7] },
    })
  })
  expect(await Promise.all(counts)).toEqual(counts.map(() => 2))
})
