import type { Changes, CommitCondition, CommitResult } from '../../contract/commit.ts'
import type { HeldLease } from '../../contract/leases.ts'
import { type DocumentWrite, writeWithin } from '../documents/documents.ts'
import type { AppendRow } from '../events/append-row.ts'
import { renewLease } from '../leases/leases.ts'
import type { SqlCall } from '../sql-log.ts'
import { changeStates, stateIdOf } from '../state/change-states.ts'
import { saveCheckpoint } from '../subscriptions/checkpoint.ts'
import { keepFailure } from '../subscriptions/dead-letters.ts'
import { raiseRecorded } from './condition.ts'

/** The checked changes of a commit, in the form in which they are passed to another thread. */
export interface CommitChanges extends Omit<Changes, 'documents' | 'append'> {
  readonly documents: readonly DocumentWrite[]
  readonly append: readonly AppendRow[]
}

type Reason = (CommitResult & { readonly committed: false })['reason']

/** Thrown to roll back the transaction. */
class Refused extends Error {
  override readonly name = 'Refused'
  readonly reason: Reason

  constructor(reason: Reason) {
    super(reason)
    this.reason = reason
  }
}

/** Stores changes in one transaction, if the lease is held. */
export async function commit(call: SqlCall, lease: HeldLease, changes: CommitChanges): Promise<CommitResult> {
  try {
    return await call.aside((db) => commitWithin({ ...call, db }, lease, changes))
  } catch (error) {
    if (error instanceof Refused) return { committed: false, reason: error.reason }
    throw error
  }
}

/**
 * Rows are locked in the same order everywhere (lease, partition, states, dead letters, documents, head), so that no two
 * transactions wait for each other. The head, for which all appends wait, comes last.
 */
async function commitWithin(call: SqlCall, lease: HeldLease, changes: CommitChanges): Promise<CommitResult> {
  const renewed = await renewLease(call, lease)
  if (renewed === undefined) throw new Refused('lease_lost')
  const paused = await saveProgress(call, changes)
  for (const failure of changes.failures ?? []) await keepFailure(call, failure)
  const written = await writeDocuments(call, changes.documents)
  if (changes.onlyIf !== undefined) await meet(call, changes.onlyIf)
  if (!written) throw new Refused('conflict')
  if (changes.append.length === 0) return { committed: true, lease: renewed, paused }
  const append = await call.dialect.append(call.db, changes.append, call.nowMs)
  return { committed: true, lease: renewed, paused, append }
}

/** Saves checkpoint and state. Returns whether the subscription is paused. */
async function saveProgress(call: SqlCall, { checkpoint, state }: CommitChanges): Promise<boolean> {
  const saved = checkpoint === undefined ? undefined : await saveCheckpoint(call, checkpoint)
  if (checkpoint !== undefined && saved === undefined) throw new Refused('lease_lost')
  if (state === undefined) return saved?.paused ?? false
  const isSame = checkpoint?.name === state.name && checkpoint.partition === state.partition
  const id = (isSame ? saved?.stateId : undefined) ?? (await stateIdOf(call, state))
  if (id === undefined) throw new Refused('lease_lost')
  await changeStates(call, state, id)
  return saved?.paused ?? false
}

/** Returns false if a document does not have the expected version. */
async function writeDocuments(call: SqlCall, writes: readonly DocumentWrite[]): Promise<boolean> {
  for (const write of writes) if (!(await writeWithin(call, write)).written) return false
  for (const collection of new Set(writes.map((write) => write.collection)))
    await call.dialect.announce(call.db, collection)
  return true
}

async function meet(call: SqlCall, condition: CommitCondition): Promise<void> {
  const refusal = await raiseRecorded(call, condition)
  if (refusal !== undefined) throw new Refused(refusal)
}
