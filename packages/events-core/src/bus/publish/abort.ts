import type { WriteGroup } from './write-group.ts'

/** Withdraws a group if it is still queued. */
type Withdraw = (group: WriteGroup, reason: unknown) => void

/**
 * The groups that each signal can still withdraw. Each signal gets one listener, however many groups use it: an HTTP
 * connection has one signal for all its requests, and a listener for each would cost as much as validating the event. An
 * empty map remains with the signal.
 */
const groupsOf = new WeakMap<AbortSignal, Map<WriteGroup, Withdraw>>()

/** Withdraws the group when the signal, which must not have aborted yet, aborts. */
export function withdrawOn(signal: AbortSignal, group: WriteGroup, withdraw: Withdraw): void {
  const groups = groupsOf.get(signal) ?? listenTo(signal)
  groups.set(group, withdraw)
}

/** Removes a settled group from its signal. */
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
