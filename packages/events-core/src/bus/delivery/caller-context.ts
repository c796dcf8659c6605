import { AsyncResource } from 'node:async_hooks'

/**
 * Returns a version of the function that runs in the async context of the caller of `inCallerContext`: it sees the
 * subscriber's AsyncLocalStorage stores, not those of the publisher whose event is being delivered.
 */
export function inCallerContext<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
  // Ten times as fast as `AsyncLocalStorage.bind`, which would take as long as the rest of a delivery.
  const context = new AsyncResource('EventSubscriber')
  return (...args) => context.runInAsyncScope(call, undefined, ...args)
}
