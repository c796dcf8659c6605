import { SearchTurns } from '../../search-turns.ts'
import { connectReader } from '../connection.ts'
import { LogFile, type PaceLimits } from '../file/log-file.ts'
import type { ThreadSettings } from './messages.ts'
import type { Opened } from './opened.ts'

/** Those who wait for a slice of a long search are other readers: a page waits for one slice, and the head for it too. */
const PACE: PaceLimits = { first: 1_000, max: 200_000, targetMs: 15 }

/** Answers questions about the log. Outside of a statement no snapshot stays open, so each sees all that is committed. */
export async function startReader(settings: ThreadSettings): Promise<Opened> {
  const file = new LogFile(connectReader(settings), PACE)
  const turns = new SearchTurns(1)
  return {
    file,
    run: (lane, work, signal) =>
      lane === 'search' ? turns.run(signal, (rest) => work(file.restingBy(rest))) : work(file.log),
  }
}
