import type { Migration } from 'kysely/migration'
import { eventLog } from './001-event-log.ts'
import { subscriptions } from './002-subscriptions.ts'
import { deadLetters } from './003-dead-letters.ts'
import { keptFrom } from './004-kept-from.ts'
import { missed } from './005-missed.ts'
import { claim } from './006-claim.ts'
import { moreCounts } from './007-more-counts.ts'
import { countedBatches } from './008-counted-batches.ts'
import { pinnedPlans } from './009-pinned-plans.ts'
import { leases } from './010-leases.ts'
import { documents } from './011-documents.ts'
import { keyedState } from './012-keyed-state.ts'
import { recorded } from './013-recorded.ts'
import { keptFromByType } from './014-kept-from-by-type.ts'
import { extensions } from './015-extensions.ts'

/** The migrations, in the order in which they run. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-event-log': eventLog,
  '002-subscriptions': subscriptions,
  '003-dead-letters': deadLetters,
  '004-kept-from': keptFrom,
  '005-missed': missed,
  '006-claim': claim,
  '007-more-counts': moreCounts,
  '008-counted-batches': countedBatches,
  '009-pinned-plans': pinnedPlans,
  '010-leases': leases,
  '011-documents': documents,
  '012-keyed-state': keyedState,
  '013-recorded': recorded,
  '014-kept-from-by-type': keptFromByType,
  '015-extensions': extensions,
}
