// Queries to small and large stores: what a page with its total costs, and how the cost grows.
import { join } from 'node:path'
import { createEventBus, type EventBus, type EventQuery } from '@viewra/events-core'
import { postgresStorage } from '@viewra/events-core/postgres'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { type Contender, Contest, type Figures, quantile } from '../harness/contest.ts'
import { eventAt } from '../harness/events.ts'
import { fillPostgres, fillSqlite } from '../harness/fill.ts'
import { publishers } from '../harness/publishers.ts'
import { RawPostgres } from '../harness/raw-postgres.ts'
import { RawSqlite } from '../harness/raw-sqlite.ts'
import type { Report } from '../harness/report.ts'
import type { Settings } from '../harness/settings.ts'
import { withDirectory, withPostgres } from '../harness/temporary.ts'
import { BY_HOUR, COUNTED_BY_HOUR, plain } from './query/plain-sql.ts'

const SMALL_ROWS = 100_000
/** Pages per round, or as many as the time allows. */
const PAGES = 100
const ROUND_MS = 400
/** Statements that examine all events take seconds: a round or two are enough. */
const SLOW_ROUNDS = 1

/** A store of one size, with access to it that bypasses the kept counts. */
interface Filled {
  readonly rows: number
  readonly bus: EventBus
  readonly sql: (text: string) => Promise<unknown>
  readonly end: () => Promise<void>
}

const PAGE = { limit: 50 }
const SINGLE_FILTERS: Readonly<Record<string, EventQuery>> = {
  'no filter': PAGE,
  'type, 30 %': { ...PAGE, filter: { types: ['scan.progress'] } },
  'type, 1 %': { ...PAGE, filter: { types: ['error'] } },
  'types by pattern': { ...PAGE, filter: { types: ['playback.*'] } },
  'source, 50 %': { ...PAGE, filter: { sources: ['system'] } },
  'sources by prefix': { ...PAGE, filter: { sources: ['plugin:*'] } },
  'tag, 0.1 %': { ...PAGE, filter: { tags: ['rare'] } },
  'tag, 12 %': { ...PAGE, filter: { tags: ['library-3'] } },
  'priority, 1 %': { ...PAGE, filter: { minPriority: 20 } },
  target: { ...PAGE, filter: { target: 'item:41' } },
  'data, 0.02 %': { ...PAGE, filter: { data: { item_id: 7 } } },
}

export async function suite(report: Report, settings: Settings): Promise<void> {
  if (settings.stores.includes('sqlite')) {
    await withDirectory(async (directory) => {
      await ask('SQLite', report, settings, (rows) => filledSqlite(join(directory, `${rows}.db`), rows))
    })
  }
  if (settings.stores.includes('postgres')) {
    await withPostgres(async ({ url }) => {
      await ask('PostgreSQL', report, settings, (rows) => filledPostgres(url, rows))
    })
  }
}

async function ask(
  store: string,
  report: Report,
  settings: Settings,
  fill: (rows: number) => Promise<Filled>,
): Promise<void> {
  const began = performance.now()
  const stores = [await fill(SMALL_ROWS), await fill(settings.rows)] as const
  report.note(`${store}: filled with ${names(stores).join(' and ')} in ${seconds(began)} s`)
  for (const [name, query] of Object.entries(SINGLE_FILTERS))
    await page(store, name, query, report, settings, stores)
  await atDepth(store, report, settings, stores)
  await timeSeries(store, report, stores[1])
  await append(store, report, settings, stores)
  for (const { end } of stores) await end()
}

function names(stores: readonly Filled[]): string[] {
  return stores.map(({ rows }) => `${rows.toLocaleString('en')} events`)
}

function seconds(began: number): number {
  return Math.round((performance.now() - began) / 1_000)
}

async function page(
  store: string,
  name: string,
  query: EventQuery,
  report: Report,
  { rounds }: Settings,
  stores: readonly [Filled, Filled],
): Promise<void> {
  const [small, large] = names(stores)
  const contest = await Contest.run({
    title: `${store}: newest 50 with exact total, ${name}`,
    contenders: [
      asking(small ?? '', () => stores[0].bus.list(query)),
      asking(large ?? '', () => stores[1].bus.list(query)),
      asking('the larger by plain SQL', () => stores[1].sql(plain(query, store))),
    ],
    rounds: Math.min(rounds, 3),
  })
  report.add(contest)
  const what = `${store}: newest 50, ${name}`
  report.target(`${what}: relative to its time at ${small}`, contest.ratio(large ?? '', small ?? ''), {
    atMost: 1.5,
  })
  report.target(`${what}: p99`, contest.figure(large ?? '', 'p99 ms'), { atMost: 10 }, ' ms')
}

/** Not part of a target: how deep a page may lie. */
async function atDepth(
  store: string,
  report: Report,
  { rounds }: Settings,
  [, { bus, rows }]: readonly [Filled, Filled],
): Promise<void> {
  const middle = Math.floor(rows / 2)
  const since = new Date(Date.now() - 24 * 3_600_000).toISOString()
  const contest = await Contest.run({
    title: `${store}: pages of 50 at depth, ${rows.toLocaleString('en')} events`,
    contenders: [
      asking('newest', () => bus.list({ ...PAGE, count: 'none' })),
      asking('after a cursor in the middle', () => bus.list({ ...PAGE, count: 'none', after: middle })),
      asking('at an offset of 10,000', () => bus.list({ ...PAGE, count: 'none', offset: 10_000 })),
      asking('of the last day, with total', () => bus.list({ ...PAGE, filter: { since } })),
    ],
    rounds: Math.min(rounds, 3),
  })
  report.add(contest)
}

async function timeSeries(store: string, report: Report, { sql }: Filled): Promise<void> {
  const contest = await Contest.run({
    title: `${store}: time series by hour, all types, over everything`,
    contenders: [
      asking('GROUP BY over events', () => sql(BY_HOUR)),
      asking('from the kept counts', () => sql(COUNTED_BY_HOUR)),
    ],
    rounds: SLOW_ROUNDS,
  })
  report.add(contest)
  const faster = 1 / contest.ratio('from the kept counts', 'GROUP BY over events')
  report.target(
    `${store}: time series by hour against GROUP BY over events`,
    faster,
    { atLeast: 100 },
    '× faster',
  )
}

async function append(
  store: string,
  report: Report,
  { rounds }: Settings,
  stores: readonly [Filled, Filled],
): Promise<void> {
  const contenders = stores.map(({ bus }, index) => ({
    name: names(stores)[index] ?? '',
    round: () => publishers(256, (n) => bus.publish(eventAt(n))),
  }))
  const contest = await Contest.run({ title: `${store}: append, 256 publishers`, contenders, rounds })
  report.add(contest)
  const [small = '', large = ''] = names(stores)
  report.target(
    `${store}: append to ${large}, relative to its rate at ${small}`,
    contest.ratio(large, small),
    {
      atLeast: 0.8,
    },
  )
}

/** Repeats a query; a round's figure is the median. A slow query is run once for all rounds. */
function asking(name: string, question: () => Promise<unknown>): Contender {
  let slow: Figures | undefined
  const round = async (): Promise<Figures> => {
    if (slow !== undefined) return slow
    const times: number[] = []
    const until = performance.now() + ROUND_MS
    do {
      const began = performance.now()
      await question()
      times.push(performance.now() - began)
    } while (times.length < PAGES && performance.now() < until)
    const figures = { 'p50 ms': quantile(times, 0.5), 'p99 ms': quantile(times, 0.99) }
    if (times.length === 1) slow = figures
    return figures
  }
  return { name, round }
}

async function filledSqlite(path: string, rows: number): Promise<Filled> {
  await fillSqlite(path, rows)
  const bus = createEventBus({ storage: sqliteStorage({ path }) })
  await bus.start()
  const raw = new RawSqlite(path)
  const end = async () => {
    raw.close()
    await bus.stop()
  }
  return { rows, bus, sql: async (text) => raw.query(text), end }
}

async function filledPostgres(url: string, rows: number): Promise<Filled> {
  const schema = `events_${rows}`
  await fillPostgres(url, schema, rows)
  const bus = createEventBus({ storage: postgresStorage({ url, schema }) })
  await bus.start()
  const raw = await RawPostgres.connect(url, schema)
  await raw.query(`set search_path to ${schema}`)
  const end = async () => {
    await raw.end()
    await bus.stop()
  }
  return { rows, bus, sql: (text) => raw.query(text), end }
}
