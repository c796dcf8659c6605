import { countEvents } from '../sql/count.ts'
import { getEvent } from '../sql/get.ts'
import { readHead } from '../sql/head.ts'
import { listEvents } from '../sql/list.ts'
import { readEvents } from '../sql/read.ts'
import { countTotals } from '../sql/totals.ts'
import { connectReader } from './connection.ts'
import { LogFile, type PaceLimits } from './log-file.ts'
import type { ReaderCalls, Service, ThreadSettings } from './messages.ts'
import { subscriptionReaderService } from './subscription-service.ts'

/** Those who wait for a slice of a long search are other readers, none of them in a hurry. */
const PACE: PaceLimits = { first: 1_000, max: 200_000, targetMs: 15 }

export interface Reader {
  readonly service: Service<ReaderCalls>
  readonly file: LogFile
}

/** Answers questions about the log. Outside of a statement no snapshot stays open, so each sees all that is committed. */
export async function startReader(settings: ThreadSettings): Promise<Reader> {
  const file = new LogFile(connectReader(settings), PACE)
  const { log } = file
  return {
    service: {
      ...subscriptionReaderService(log),
      open: async () => null,
      head: () => readHead(log),
      read: ({ query, nowMs }) => readEvents(log, query, nowMs),
      list: ({ query, nowMs }) => listEvents(log, query, nowMs),
      get: ({ id, nowMs }) => getEvent(log, id, nowMs),
      count: ({ filter, nowMs }) => countEvents(log, filter, nowMs),
      totals: ({ nowMs }) => countTotals(log, nowMs),
    },
    file,
  }
}
