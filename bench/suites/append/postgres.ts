import type { EventBus } from '@viewra/events-core'
import { postgresStorage } from '@viewra/events-core/postgres'
import { type Contender, Contest } from '../../harness/contest.ts'
import { batches, publishers } from '../../harness/publishers.ts'
import { RawPostgres } from '../../harness/raw-postgres.ts'
import type { Report } from '../../harness/report.ts'
import { type Row, rowAt } from '../../harness/rows.ts'
import type { Settings } from '../../harness/settings.ts'
import { withPostgres } from '../../harness/temporary.ts'
import { BATCH, PUBLISHERS, publishing, publishingMany, startedBus } from './ours.ts'
import { type Peer, peers } from './peers.ts'

const RAW = `raw multi-row insert, batches of ${BATCH}`
const COPY = `COPY without counts, batches of ${BATCH}`
const BARE = 'bare insert of one row'
/** They have ten connections each: more publishers only wait longer, some of them half a minute. */
const MOST_OF_PEERS = 256
const POOL = 'one insert per event, pool of 10'

export async function appendToPostgres(report: Report, { rounds }: Settings): Promise<void> {
  await withPostgres(async ({ url }) => {
    for (const schema of ['raw', 'copied', 'single']) await makeStore(url, schema)
    const raw = await RawPostgres.connect(url, 'raw')
    const copied = await RawPostgres.connect(url, 'copied')
    const others = await peers(url, 'single')
    const bus = await startedBus(postgresStorage({ url }))
    for (const count of PUBLISHERS) {
      const limits =
        count === 1
          ? [{ name: BARE, round: () => publishers(1, (n) => raw.insertOne(rowAt(n))) }]
          : [inBatches(RAW, (rows) => raw.append(rows)), inBatches(COPY, (rows) => copied.copy(rows))]
      await compare(report, rounds, bus, limits, others, count)
    }
    await bus.stop()
    for (const other of others) await other.stop()
    for (const limit of [raw, copied]) await limit.end()
  })
}

async function compare(
  report: Report,
  rounds: number,
  bus: EventBus,
  limits: readonly Contender[],
  others: readonly Peer[],
  count: number,
): Promise<void> {
  const contenders = [...limits, publishing(bus, count)]
  if (count > 1) contenders.push(publishingMany(bus))
  const atOnce = Math.min(count, MOST_OF_PEERS)
  for (const { name, publish } of others) {
    contenders.push({ name: nameFor(name, count), round: () => publishers(atOnce, publish) })
  }
  const contest = await Contest.run({ title: `PostgreSQL, ${count} publishers`, contenders, rounds })
  report.add(contest)
  judge(report, contest, others, count)
}

function judge(report: Report, contest: Contest, others: readonly Peer[], count: number): void {
  const subject = `PostgreSQL, ${count} publishers`
  const ours = 'viewra publish'
  if (count === 1) {
    report.target(`${subject}: p50 relative to a bare insert`, contest.ratio(ours, BARE, 'p50 ms'), {
      atMost: 1.3,
    })
    return
  }
  if (count < 256) return
  report.target(`${subject}, relative to the raw multi-row insert`, contest.ratio(ours, RAW), {
    atLeast: 0.8,
  })
  report.target(`${subject}, relative to one insert per event`, contest.ratio(ours, nameFor(POOL, count)), {
    atLeast: 5,
  })
  const libraries = others.filter(({ name }) => name !== POOL)
  const best = Math.min(...libraries.map(({ name }) => contest.ratio(ours, nameFor(name, count))))
  report.target(`${subject}, relative to the best of ${libraries.map(({ name }) => name).join(', ')}`, best, {
    atLeast: 15,
  })
  if (count === 256) report.target(`${subject}: p50`, contest.figure(ours, 'p50 ms'), { atMost: 8 }, ' ms')
}

function nameFor(peer: string, count: number): string {
  return count > MOST_OF_PEERS ? `${peer} (${MOST_OF_PEERS} publishers)` : peer
}

async function makeStore(url: string, schema: string): Promise<void> {
  const storage = postgresStorage({ url, schema })
  await storage.open()
  await storage.close()
}

function inBatches(name: string, store: (rows: readonly Row[]) => Promise<void>): Contender {
  const write = (n: number) => store(Array.from({ length: BATCH }, (_, index) => rowAt(n + index)))
  return { name, round: () => batches(BATCH, write) }
}
