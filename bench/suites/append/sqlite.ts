import { join } from 'node:path'
import type { EventBus } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { type Contender, Contest } from '../../harness/contest.ts'
import { batches, publishers } from '../../harness/publishers.ts'
import { RawSqlite } from '../../harness/raw-sqlite.ts'
import type { Report } from '../../harness/report.ts'
import { rowAt } from '../../harness/rows.ts'
import type { Settings } from '../../harness/settings.ts'
import { withDirectory } from '../../harness/temporary.ts'
import { BATCH, PUBLISHERS, publishing, publishingMany, startedBus } from './ours.ts'

const RAW = `raw multi-row insert, batches of ${BATCH}`
const BARE = 'bare insert of one row'

export async function appendToSqlite(report: Report, { rounds }: Settings): Promise<void> {
  await withDirectory(async (directory) => {
    const [ours, raw, bare] = ['ours', 'raw', 'bare'].map((name) => join(directory, `${name}.db`))
    if (ours === undefined || raw === undefined || bare === undefined) throw new Error('three files')
    for (const path of [raw, bare]) await makeStore(path)
    const limits = [new RawSqlite(raw), new RawSqlite(bare)] as const
    const bus = await startedBus(sqliteStorage({ path: ours }))
    for (const count of PUBLISHERS) await compare(report, rounds, bus, limits, count)
    await bus.stop()
    for (const limit of limits) limit.close()
  })
}

async function compare(
  report: Report,
  rounds: number,
  bus: EventBus,
  [raw, bare]: readonly [RawSqlite, RawSqlite],
  count: number,
): Promise<void> {
  const contenders = [count === 1 ? oneByOne(bare) : inBatches(raw), publishing(bus, count)]
  if (count > 16) contenders.push(publishingMany(bus))
  const contest = await Contest.run({ title: `SQLite, ${count} publishers`, contenders, rounds })
  report.add(contest)
  if (count === 1) {
    const measured = contest.ratio('viewra publish', BARE, 'p50 ms')
    report.target('SQLite, 1 publisher: p50 relative to a bare insert', measured, { atMost: 1.3 })
  } else if (count >= 256) {
    const measured = contest.ratio('viewra publish', RAW)
    report.target(`SQLite, ${count} publishers, relative to the raw multi-row insert`, measured, {
      atLeast: 0.8,
    })
    const delay = contest.figure('viewra publish', 'loop p99 ms')
    report.target(`SQLite, ${count} publishers: event loop p99`, delay, { atMost: 15 }, ' ms')
  }
  if (count === 256) {
    const p50 = contest.figure('viewra publish', 'p50 ms')
    report.target(`SQLite, ${count} publishers: p50`, p50, { atMost: 8 }, ' ms')
  }
}

async function makeStore(path: string): Promise<void> {
  const storage = sqliteStorage({ path })
  await storage.open()
  await storage.close()
}

function inBatches(raw: RawSqlite): Contender {
  const write = (n: number) => raw.append(Array.from({ length: BATCH }, (_, index) => rowAt(n + index)))
  return { name: RAW, round: () => batches(BATCH, write) }
}

function oneByOne(bare: RawSqlite): Contender {
  const insert = bare.insertOne()
  return { name: BARE, round: () => publishers(1, async (n) => insert(rowAt(n))) }
}
