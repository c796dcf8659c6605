import type { Migration } from 'kysely/migration'
import { eventLog } from './001-event-log.ts'
import { subscriptions } from './002-subscriptions.ts'
import { deadLetters } from './003-dead-letters.ts'
import { keptFrom } from './004-kept-from.ts'
import { missed } from './005-missed.ts'
import { claim } from './006-claim.ts'
import { moreCounts } from './007-more-counts.ts'
import { leases } from './008-leases.ts'
import { documents } from './009-documents.ts'
import { keyedState } from './010-keyed-state.ts'
import { recorded } from './011-recorded.ts'
import { keptFromByType } from './012-kept-from-by-type.ts'
import { extensions } from './013-extensions.ts'

/** The migrations, in the order in which they run. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-event-log': eventLog,
  '002-subscriptions': subscriptions,
  '003-dead-letters': deadLetters,
  '004-kept-from': keptFrom,
  '005-missed': missed,
  '006-claim': claim,
  '007-more-counts': moreCounts,
  '008-leases': leases,
  '009-documents': documents,
  '010-keyed-state': keyedState,
  '011-recorded': recorded,
  '012-kept-from-by-type': keptFromByType,
  '013-extensions': extensions,
}
