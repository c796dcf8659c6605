import type { Migration } from 'kysely/migration'
import { eventLog } from './001-event-log.ts'
import { subscriptions } from './002-subscriptions.ts'
import { deadLetters } from './003-dead-letters.ts'
import { keptFrom } from './004-kept-from.ts'
import { missed } from './005-missed.ts'
import { claim } from './006-claim.ts'
import { moreCounts } from './007-more-counts.ts'

/** In the order in which they are carried out. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-event-log': eventLog,
  '002-subscriptions': subscriptions,
  '003-dead-letters': deadLetters,
  '004-kept-from': keptFrom,
  '005-missed': missed,
  '006-claim': claim,
  '007-more-counts': moreCounts,
}
