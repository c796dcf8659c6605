import { migrate } from '../../sql/migrate.ts'
import { connectWriter } from '../connection.ts'
import { LogFile, type PaceLimits } from '../file/log-file.ts'
import { LogGuard } from '../file/lost-log.ts'
import { FilePlace } from '../file/place.ts'
import { FileSpace } from '../file/space.ts'
import { WalLimit } from '../file/wal-limit.ts'
import { MIGRATIONS } from '../migrations/migrations.ts'
import type { ThreadSettings } from './messages.ts'
import type { Opened, Work } from './opened.ts'

/** Appends wait for each slice of a delete: a thousand rows take some 10 ms. */
const PACE: PaceLimits = { first: 200, max: 1_000, targetMs: 5 }

/**
 * Opens the file for writing. Operations run in the order of the calls; others may run between the slices of long deletes.
 */
export async function startWriter(settings: ThreadSettings): Promise<Opened> {
  const connection = connectWriter(settings)
  const place = new FilePlace(settings.path)
  const wal = new WalLimit(connection.file, settings.busyTimeoutMs)
  const guard = new LogGuard(connection.file, place, wal)
  const file = new LogFile(connection, PACE, guard)
  try {
    await migrate(file.log, MIGRATIONS, settings.path)
  } catch (error) {
    file.close()
    throw error
  }
  const space = new FileSpace(connection.file, file, wal)
  const remove = async (work: Work, signal: AbortSignal) => {
    const count = await work(file.until(signal))
    await space.release(signal)
    return count
  }
  return {
    file,
    saveLog: () => guard.save(),
    run: (lane, work, signal) => (lane === 'remove' ? remove(work, signal) : file.alone(work)),
  }
}
