import type { WriteGroup } from './write-group.ts'

/** Takes a group back, unless it is too late for that. */
type Withdraw = (group: WriteGroup, reason: unknown) => void

/**
 * The groups that each signal may still take back. A signal is listened to once, however many groups it is given with:
 * an HTTP connection has one for all its requests, and a listener for each would cost as much as checking the event.
 * What stays behind with the signal is an empty map.
 */
const groupsOf = new WeakMap<AbortSignal, Map<WriteGroup, Withdraw>>()

/** Has the group withdrawn when the signal, which has not aborted yet, aborts. */
export function withdrawOn(signal: AbortSignal, group: WriteGroup, withdraw: Withdraw): void {
  const groups = groupsOf.get(signal) ?? listenTo(signal)
  groups.set(group, withdraw)
}

/** The group was answered. */
export function keepFrom(signal: AbortSignal, group: WriteGroup): void {
  groupsOf.get(signal)?.delete(group)
}

function listenTo(signal: AbortSignal): Map<WriteGroup, Withdraw> {
  const groups = new Map<WriteGroup, Withdraw>()
  groupsOf.set(signal, groups)
  const abort = () => {
    for (const [group, withdraw] of groups) withdraw(group, signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  return groups
}
