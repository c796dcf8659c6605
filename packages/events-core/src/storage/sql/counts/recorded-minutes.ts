import { MINUTE_MS } from '../schema.ts'
import type { Range } from '../search/windows.ts'
import type { SqlLog } from '../sql-log.ts'

/** Returns a range that contains all events recorded before a time, and possibly others. */
export async function recordedBefore(log: SqlLog, timeMs: number): Promise<Range> {
  const { first, last, oldest } = await log.snapshot((db) =>
    db
      .selectFrom('recorded_minutes')
      .where('minute', '<=', Math.floor(timeMs / MINUTE_MS))
      .select((eb) => [
        eb.fn.min<number | null>('first_position').as('first'),
        eb.fn.max<number | null>('last_position').as('last'),
        eb
          .selectFrom('events')
          .select((events) => events.fn.min<number | null>('position').as('oldest'))
          .as('oldest'),
      ])
      .executeTakeFirstOrThrow(),
  )
  return { from: Math.max(first ?? 0, oldest ?? 0) - 1, to: last ?? -1 }
}

/** Deletes the rows of minutes of which no event is left. */
export async function forgetRecordedMinutes(log: SqlLog): Promise<void> {
  await log.transaction(async (transaction) => {
    const { oldest } = await transaction
      .selectFrom('events')
      .select((eb) => eb.fn.min<number | null>('position').as('oldest'))
      .executeTakeFirstOrThrow()
    const gone = transaction.deleteFrom('recorded_minutes')
    // In an empty log no minute has events.
    await (oldest === null ? gone : gone.where('last_position', '<', oldest)).execute()
  })
}
