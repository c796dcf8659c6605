import { SearchTurns } from '../../search-turns.ts'
import { connectReader } from '../connection.ts'
import { LogFile, type PaceLimits } from '../file/log-file.ts'
import type { ThreadSettings } from './messages.ts'
import type { Opened } from './opened.ts'

/** Other reads wait for a slice of a long search: a page, or the head, waits for at most one slice. */
const PACE: PaceLimits = { first: 1_000, max: 200_000, targetMs: 15 }

/**
 * Opens the file for reading. No snapshot stays open between statements, so each statement sees everything committed before
 * it.
 */
export async function startReader(settings: ThreadSettings): Promise<Opened> {
  const file = new LogFile(connectReader(settings), PACE)
  const turns = new SearchTurns(1)
  return {
    file,
    run: (lane, work, signal) =>
      lane === 'search' ? turns.run(signal, (rest) => work(file.restingBy(rest))) : work(file.log),
  }
}
