// What a processor costs beyond reading the log, with few keys and many; what processors that are caught up read; and timers that
// are all due at once.
import { join } from 'node:path'
import { postgresStorage } from '@viewra/events-core/postgres'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { type Contender, Contest } from '../harness/contest.ts'
import type { Report } from '../harness/report.ts'
import type { Settings } from '../harness/settings.ts'
import { withDirectory, withPostgres } from '../harness/temporary.ts'
import { readsOfCaughtUp, WATCH_MS } from './processors/caught-up.ts'
import { dueAtOnce, fillStates } from './processors/due-at-once.ts'
import { EMMETT, emmett } from './processors/emmett.ts'
import { LIMIT, type Open, processing, subscribing } from './processors/ours.ts'

const MOST_KEYS = 1_000_000
const MOST_ROUNDS = 3
const CAUGHT_UP = 10

export async function suite(report: Report, settings: Settings): Promise<void> {
  if (settings.stores.includes('sqlite'))
    await withDirectory(async (directory) => {
      const open: Open = (name, now) =>
        sqliteStorage({ path: join(directory, `${name}.db`), ...(now && { now }) })
      await measure('SQLite', open, [], report, settings)
    })
  if (settings.stores.includes('postgres'))
    await withPostgres(async ({ url }) => {
      const open: Open = (schema, now) => postgresStorage({ url, schema, ...(now && { now }) })
      await measure('PostgreSQL', open, [await emmett(url)], report, settings)
    })
}

async function measure(
  store: string,
  open: Open,
  peers: readonly Contender[],
  report: Report,
  settings: Settings,
): Promise<void> {
  const most = Math.min(MOST_KEYS, settings.rows)
  await fillStates(open('many'), most)
  const ours = [1, 1_000].map((keys) => processing(open(`keys${keys}`), keys))
  const contest = await Contest.run({
    title: `${store}, events read and processed`,
    contenders: [subscribing(open('subscription')), ...ours, processing(open('many'), most), ...peers],
    rounds: Math.min(settings.rounds, MOST_ROUNDS),
  })
  report.add(contest)
  for (const name of [...ours.map((one) => one.name), processing(open('many'), most).name]) {
    const atLeast = name.includes(` ${most} `) ? 0.2 : 0.5
    report.target(`${store}, ${name}, relative to an empty handler`, contest.ratio(name, LIMIT), { atLeast })
    if (peers.length > 0 && name.includes(' 1000 '))
      report.target(`${store}, ${name}, relative to emmett`, contest.ratio(name, EMMETT), { atLeast: 1 })
  }
  const [one, ten] = [await readsOfCaughtUp(open('one'), 1), await readsOfCaughtUp(open('ten'), CAUGHT_UP)]
  report.note(
    `${store}, reads of the store in ${WATCH_MS / 1_000} s of events: ${one} by one processor, ${ten} by ${CAUGHT_UP}.`,
  )
  report.target(`${store}, reads of ${CAUGHT_UP} processors, relative to one`, ten / one, { atMost: 1.5 })
  await dueAtOnce(`${store}, ${most} timers due at once`, open, report)
}
