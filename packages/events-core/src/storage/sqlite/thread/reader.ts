import { SearchTurns } from '../../search-turns.ts'
import { countTotals } from '../../sql/counts/totals.ts'
import { getEvent } from '../../sql/events/get.ts'
import { readHead } from '../../sql/events/head.ts'
import { readEvents } from '../../sql/events/read.ts'
import { countEvents } from '../../sql/search/count.ts'
import { listEvents } from '../../sql/search/list.ts'
import type { SqlLog } from '../../sql/sql-log.ts'
import { connectReader } from '../connection.ts'
import { LogFile, type PaceLimits } from '../file/log-file.ts'
import type { ReaderCalls, Service, ThreadSettings } from './messages.ts'
import { subscriptionReaderService } from './subscription-service.ts'

/** Those who wait for a slice of a long search are other readers: a page waits for one slice, and the head for it too. */
const PACE: PaceLimits = { first: 1_000, max: 200_000, targetMs: 15 }

export interface Reader {
  readonly service: Service<ReaderCalls>
  readonly file: LogFile
}

/** Answers questions about the log. Outside of a statement no snapshot stays open, so each sees all that is committed. */
export async function startReader(settings: ThreadSettings): Promise<Reader> {
  const file = new LogFile(connectReader(settings), PACE)
  const { log } = file
  const turns = new SearchTurns(1)
  const searching =
    <A, T>(search: (log: SqlLog, argument: A) => Promise<T>) =>
    (argument: A, signal: AbortSignal) =>
      turns.run(signal, (rest) => search(file.restingBy(rest), argument))
  return {
    service: {
      ...subscriptionReaderService(log),
      open: async () => null,
      // What is found at once waits for no search.
      head: () => readHead(log),
      get: ({ id, nowMs }) => getEvent(log, id, nowMs),
      read: searching((held, { query, nowMs }) => readEvents(held, query, nowMs)),
      list: searching((held, { query, nowMs }) => listEvents(held, query, nowMs)),
      count: searching((held, { filter, nowMs }) => countEvents(held, filter, nowMs)),
      totals: searching((held, { nowMs }) => countTotals(held, nowMs)),
    },
    file,
  }
}
