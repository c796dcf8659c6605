import type { Changes, CommitResult } from '../contract/commit.ts'
import type { HeldLease } from '../contract/leases.ts'
import { checkChanges } from '../limits.ts'
import type { MemoryDeadLetters } from './dead-letters.ts'
import type { MemoryDocuments } from './documents.ts'
import type { MemoryLeases } from './leases.ts'
import type { MemoryLog } from './log.ts'
import type { MemorySubscriptions } from './subscriptions.ts'

/** The parts of a memory store that a commit changes. */
export interface CommitParts {
  readonly deadLetters: MemoryDeadLetters
  readonly documents: MemoryDocuments
  readonly leases: MemoryLeases
  readonly log: MemoryLog
  readonly subscriptions: MemorySubscriptions
}

/**
 * Checks all changes, then makes them: nothing that can fail comes after the first change.
 * @throws EventsError EVENTS_INVALID for what cannot be stored
 */
export function commit(parts: CommitParts, lease: HeldLease, changes: Changes): CommitResult {
  checkChanges(changes)
  const { documents, log } = parts
  const refused = isLost(parts, lease, changes) ? 'lease_lost' : changes.onlyIf && log.refusal(changes.onlyIf)
  if (refused !== undefined) return { committed: false, reason: refused }
  const writes = documents.prepare(changes.documents ?? [])
  if (writes === undefined) return { committed: false, reason: 'conflict' }
  const batch = changes.append?.length ? log.prepare(changes.append) : undefined
  const renewed = parts.leases.keep(lease)
  if (renewed === undefined) return { committed: false, reason: 'lease_lost' }
  if (changes.onlyIf !== undefined) log.reach(changes.onlyIf.reachedMs)
  documents.apply(writes)
  if (batch !== undefined) log.store(batch)
  const paused = applyProgress(parts, changes)
  return { committed: true, lease: renewed, paused, ...(batch !== undefined && { append: batch.result }) }
}

function isLost(
  { leases, subscriptions }: CommitParts,
  lease: HeldLease,
  { checkpoint, state }: Changes,
): boolean {
  const partitions = [checkpoint, state].filter((partition) => partition !== undefined)
  return !leases.holds(lease) || !partitions.every((partition) => subscriptions.has(partition))
}

/** Returns whether the checkpoint's subscription is paused. */
function applyProgress(
  { deadLetters, subscriptions }: CommitParts,
  { checkpoint, failures = [], state }: Changes,
): boolean {
  for (const failure of failures) deadLetters.keep(failure)
  if (state !== undefined) subscriptions.statesOf(state)?.change(state)
  return checkpoint !== undefined && subscriptions.save(checkpoint)
}
