import { type Rest, SearchTurns } from '../../search-turns.ts'
import { connectReader } from '../connection.ts'
import { LogFile, type PaceLimits } from '../file/log-file.ts'
import { FilePlace } from '../file/place.ts'
import type { ThreadSettings } from './messages.ts'
import type { Opened } from './opened.ts'

/** Other reads wait for a slice of a long search: a page, or the head, waits for at most one slice. */
const PACE: PaceLimits = { first: 1_000, max: 200_000, targetMs: 15 }

/**
 * Opens the file for reading. No snapshot stays open between statements, so each statement sees everything committed before
 * it.
 */
export async function startReader(settings: ThreadSettings): Promise<Opened> {
  const connection = connectReader(settings)
  const place = new FilePlace(settings.path)
  const check = () => {
    place.check()
    place.checkLog()
  }
  check()
  const file = new LogFile(connection, PACE)
  const turns = new SearchTurns(1)
  return {
    file,
    run: async (lane, work, signal) => {
      check()
      const search = (rest: Rest) => work(file.restingBy(rest))
      try {
        return await (lane === 'search' ? turns.run(signal, search) : work(file.log))
      } finally {
        // If the log was removed meanwhile, the answer may be wrong, and so may the error.
        check()
      }
    },
  }
}
