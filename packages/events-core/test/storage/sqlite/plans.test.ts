import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely } from 'kysely'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { EventFilter } from '../../../src/filter/filter.ts'
import type { TrimPolicy } from '../../../src/storage/contract/storage.ts'
import { countTotals } from '../../../src/storage/sql/counts/totals.ts'
import { sweepExpired } from '../../../src/storage/sql/events/sweep.ts'
import { trimEvents } from '../../../src/storage/sql/events/trim.ts'
import type { LogTables } from '../../../src/storage/sql/schema.ts'
import { countEvents } from '../../../src/storage/sql/search/count.ts'
import { listEvents } from '../../../src/storage/sql/search/list.ts'
import type { SqlCall } from '../../../src/storage/sql/sql-log.ts'
import { dueStates, nextDue, oldestStates } from '../../../src/storage/sql/state/keyed-state.ts'
import { LogFile } from '../../../src/storage/sqlite/file/log-file.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { sqliteKyselyDialect } from '../../../src/storage/sqlite/kysely-dialect.ts'
import { PARTITION } from '../../../src/testing/holder.ts'
import { makeRecord } from '../../../src/testing/record.ts'

const BY_TYPE = 'SEARCH events USING INDEX events_by_type (type=? AND rowid>? AND rowid<?)'
const BY_SOURCE = 'SEARCH events USING INDEX events_by_source (source=? AND rowid>? AND rowid<?)'
const BY_TARGET = 'SEARCH events USING INDEX events_by_target (target=? AND rowid>? AND rowid<?)'
const BY_TAG = 'SEARCH event_tags USING PRIMARY KEY (tag=? AND position>? AND position<?)'
const BY_POSITION = 'SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'
const EXPIRED = 'SEARCH events USING INDEX events_by_expiry (expires_at<?)'

/** More than one statement examines. */
const MANY = 1_001

const directory = mkdtempSync(join(tmpdir(), 'viewra-events-'))
const path = join(directory, 'events.db')

beforeAll(async () => {
  const storage = sqliteStorage({ path })
  await storage.open()
  await storage.append(['a.x', 'a.y', 'b'].map((type) => makeRecord({ type })))
  await storage.append(Array.from({ length: MANY }, () => makeRecord({ type: 'many' })))
  await storage.close()
})
afterAll(() => rmSync(directory, { recursive: true }))

/** SQLite chooses without statistics, so it makes the same choice for a log of millions. */
describe('an index serves', () => {
  test.each<[string, EventFilter, string]>([
    ['a type', { types: ['a.x'] }, BY_TYPE],
    ['several types', { types: ['a.x', 'b'] }, BY_TYPE],
    ['types by pattern', { types: ['a.*'] }, BY_TYPE],
    ['a type and what has no index', { types: ['b'], data: { n: 1 }, minPriority: 3 }, BY_TYPE],
    ['a source', { sources: ['system'] }, BY_SOURCE],
    ['a target', { target: 'somebody', types: ['b'] }, BY_TARGET],
    ['tags', { tags: ['x', 'y'] }, BY_TAG],
    ['all of some tags', { tags: ['x', 'y'], tagsMode: 'all', types: ['b'] }, BY_TAG],
    ['sources by pattern, in order of position', { sources: ['plugin:*'] }, BY_POSITION],
    ['data, in order of position', { data: { n: 1 } }, BY_POSITION],
  ])('%s', async (_name, filter, step) => {
    const steps = await stepsOf((log) => listEvents(log, { filter, limit: 10, count: 'none' }))
    expect(steps).toContain(step)
    expect(steps).not.toContain('SCAN events')
  })

  test.each<[string, EventFilter, string, number]>([
    ['a target, page and total', { target: 'somebody' }, BY_TARGET, 2],
    ['a rare type, whose total is kept', { types: ['b'] }, BY_TYPE, 1],
  ])('%s, in one statement however long the log is', async (_name, filter, step, looks) => {
    const steps = await stepsOf((log) => listEvents(log, { filter, limit: 10 }))
    expect(steps.filter((each) => each === step)).toHaveLength(looks)
  })

  test('a frequent type is searched in slices, however far away the page is', async () => {
    const query = { filter: { types: ['many'] }, limit: 10, offset: 1_000_000_000 }
    const steps = await stepsOf((log) => listEvents(log, query))
    expect(steps.filter((each) => each === BY_TYPE).length).toBeGreaterThan(MANY)
  })

  test.each<[string, EventFilter]>([
    ['by type and priority', { types: ['a.*'], minPriority: 3 }],
    ['by source', { sources: ['plugin:*'] }],
    ['of a tag', { tags: ['x'] }],
    ['of all', {}],
    ['of whole minutes', { since: '2030-01-01T00:00:00Z', until: '2030-01-01T00:59:59.999Z' }],
  ])('counts %s, which read only expired events', async (_name, filter) => {
    const steps = await stepsOf((log) => countEvents(log, filter))
    expect(steps.filter((step) => step.includes(' events'))).toEqual([EXPIRED])
    expect(steps.filter((step) => step.includes(' event_tags '))).not.toContain(BY_TAG)
  })

  test('totals, likewise', async () => {
    const steps = await stepsOf((log) => countTotals(log))
    expect(steps.filter((step) => step.includes(' events'))).toEqual([EXPIRED, EXPIRED, EXPIRED])
  })

  test.each<[string, TrimPolicy]>([
    ['by number', { maxEvents: 1 }],
    ['by age', { maxAgeMs: 0 }],
    ['up to a position', { upTo: 2 }],
  ])('a trim of some types, %s', async (_name, policy) => {
    const types = ['a.*', 'b']
    const steps = await stepsOf((call) => undone(call, (call) => trimEvents(call, { ...policy, types })))
    const first = steps.filter((step) => step.includes('events_by_type'))
    expect(first.length).toBeGreaterThanOrEqual(3)
    for (const step of first)
      expect(step).toMatch(/^SEARCH events USING .*\(type=\? AND rowid>\? AND rowid<\?\)$/)
    expect(steps).not.toContain('SCAN events')
  })

  test.each<[string, (call: SqlCall) => Promise<unknown>, string]>([
    ['timers that are due', (call) => dueStates(call, PARTITION, 1, 10), 'by_due (id=? AND due<?)'],
    ['the next timer', (call) => nextDue(call, PARTITION), 'by_due (id=? AND due>?)'],
    ['the oldest states', (call) => oldestStates(call, PARTITION, 10), 'by_age (id=?)'],
  ])('%s of a partition', async (_name, ask, index) => {
    const steps = await stepsOf(ask)
    expect(steps.some((step) => step.endsWith(`INDEX subscription_states_${index}`))).toBe(true)
    expect(steps.filter((step) => step.includes('TEMP B-TREE'))).toEqual([])
  })

  test('the sweep', async () => {
    const steps = await stepsOf((log) => sweepExpired(log))
    expect(steps).toContain('SEARCH events USING COVERING INDEX events_by_expiry (expires_at<?)')
  })
})

/** Runs work and rolls back its changes, so that the next test finds the same data. */
async function undone(call: SqlCall, work: (call: SqlCall) => Promise<unknown>): Promise<void> {
  const undo = new Error('undone')
  const run = call.db.transaction().execute(async (db) => {
    await work({ ...call, db, snapshot: (read) => read(db), transaction: (change) => change(db) })
    throw undo
  })
  await expect(run).rejects.toBe(undo)
}

/** Returns SQLite's query plans for the statements of some work. */
async function stepsOf(work: (call: SqlCall) => Promise<unknown>): Promise<string[]> {
  const file = new Database(path)
  onTestFinished(() => {
    file.close()
  })
  const db = new Kysely<LogTables>({ dialect: sqliteKyselyDialect(file, 'begin immediate') })
  const { log } = new LogFile({ file, db }, { first: 1, max: 1, targetMs: 10 })
  const prepare = vi.spyOn(file, 'prepare')
  await work({ ...log, nowMs: Date.now() })
  const statements = prepare.mock.calls.map(([statement]) => statement)
  prepare.mockRestore()
  return statements
    .filter((statement) => /^(select|with|delete)/.test(statement))
    .flatMap((statement) => explain(file, statement))
}

function explain(file: Database.Database, statement: string): string[] {
  const parameters = statement
    .split('?')
    .slice(1)
    .map(() => 1)
  const steps = file.prepare<number[], { detail: string }>(`explain query plan ${statement}`)
  return steps.all(...parameters).map((step) => step.detail)
}
