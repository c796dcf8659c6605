import { clearEvents } from '../../sql/events/clear.ts'
import { deleteEvent } from '../../sql/events/delete.ts'
import { deleteMatching } from '../../sql/events/delete-matching.ts'
import { sweepExpired } from '../../sql/events/sweep.ts'
import { trimEvents } from '../../sql/events/trim.ts'
import { migrate } from '../../sql/migrate.ts'
import type { SqlLog } from '../../sql/sql-log.ts'
import { Appender } from '../append.ts'
import { AppendChain } from '../append-chain.ts'
import { type Connection, connectWriter } from '../connection.ts'
import { LogFile, type PaceLimits } from '../file/log-file.ts'
import { FilePlace } from '../file/place.ts'
import { FileSpace } from '../file/space.ts'
import { WalLimit } from '../file/wal-limit.ts'
import { eventLog } from '../migrations/001-event-log.ts'
import { subscriptions } from '../migrations/002-subscriptions.ts'
import { deadLetters } from '../migrations/003-dead-letters.ts'
import { keptFrom } from '../migrations/004-kept-from.ts'
import { missed } from '../migrations/005-missed.ts'
import { claim } from '../migrations/006-claim.ts'
import { moreCounts } from '../migrations/007-more-counts.ts'
import type { Service, ThreadSettings, WriterCalls } from './messages.ts'
import { subscriptionWriterService } from './subscription-service.ts'

const MIGRATIONS = {
  '001-event-log': eventLog,
  '002-subscriptions': subscriptions,
  '003-dead-letters': deadLetters,
  '004-kept-from': keptFrom,
  '005-missed': missed,
  '006-claim': claim,
  '007-more-counts': moreCounts,
}

/** Appends wait for each slice of a delete: a thousand rows take some 10 ms. */
const PACE: PaceLimits = { first: 200, max: 1_000, targetMs: 5 }

export interface Writer {
  readonly service: Service<WriterCalls>
  readonly file: LogFile
}

/** Changes the log. Everything happens in the order of the calls but long deletes, which let others in between. */
export async function startWriter(settings: ThreadSettings): Promise<Writer> {
  const connection = connectWriter(settings)
  const place = new FilePlace(settings.path)
  const wal = new WalLimit(connection.file, settings.busyTimeoutMs)
  const file = new LogFile(connection, PACE, () => {
    place.check()
    wal.check()
  })
  try {
    await migrate(file.log, MIGRATIONS, settings.path)
    return { service: serviceOf(connection, file, wal), file }
  } catch (error) {
    file.close()
    throw error
  }
}

function serviceOf(connection: Connection, file: LogFile, wal: WalLimit): Service<WriterCalls> {
  const { log } = file
  const appender = new Appender(connection.file)
  const chain = new AppendChain()
  const space = new FileSpace(connection.file, file, wal)
  const removing =
    <A>(remove: (log: SqlLog, argument: A) => Promise<number>) =>
    async (argument: A, signal: AbortSignal): Promise<number> => {
      const count = await remove(file.until(signal), argument)
      if (count > 0) await space.release(signal)
      return count
    }
  return {
    ...subscriptionWriterService(file),
    open: async () => null,
    append: ({ rows, nowMs, behind }) =>
      file.take(() => chain.next(behind, () => appender.append(rows, nowMs))),
    delete: ({ id }) => deleteEvent(log, id),
    deleteMatching: removing((pacing, { filter }) => deleteMatching(pacing, filter)),
    clear: removing((pacing) => clearEvents(pacing)),
    sweepExpired: removing((pacing, { nowMs }) => sweepExpired(pacing, nowMs)),
    trim: removing((pacing, { policy, nowMs }) => trimEvents(pacing, policy, nowMs)),
    dataVersion: async () => Number(connection.file.pragma('data_version', { simple: true })),
  }
}
