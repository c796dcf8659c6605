import type { PublishedEvent } from '../../event/event.ts'

/**
 * An item of a feed. After it, every matching event up to `position` has been delivered.
 *
 * `events`: in order, never empty; feeds of one filter may share the same array. `caught_up`: the following events are
 * live. `fell_behind`: the live buffer no longer held the next event, so the following events come from the store again,
 * without live-only ones. `gap`: retention has removed events between these positions, both inclusive, or may have.
 */
export type FeedItem =
  | { readonly kind: 'events'; readonly events: readonly PublishedEvent[]; readonly position: number }
  | { readonly kind: 'caught_up'; readonly position: number }
  | { readonly kind: 'fell_behind'; readonly position: number }
  | { readonly kind: 'gap'; readonly from: number; readonly to: number }

/** Receives an item. If it returns a promise, the next item follows when that has resolved. */
export type FeedReceiver = (item: FeedItem) => Promise<void> | undefined

export interface FeedOptions {
  /** The position after which the feed begins, usually that of the last event the reader has. */
  readonly after?: number
  /** Where to begin without `after`: with the first kept event, or with the events from now on; 'now' by default. */
  readonly from?: 'beginning' | 'now'
  /** Shown in lists and metrics; `feed-<n>` by default. */
  readonly name?: string
  /** The reader, shown in lists. */
  readonly subscriber?: string
}

/** Returns an iterator over a feed's items. Ending the iteration closes the feed, even while a `next` call waits. */
export function itemsOf(feed: {
  next(): Promise<FeedItem | undefined>
  close(): void
}): AsyncIterableIterator<FeedItem, void> {
  const end = { done: true, value: undefined } as const
  return {
    next: async () => {
      const value = await feed.next()
      return value === undefined ? end : { done: false, value }
    },
    return: async () => {
      feed.close()
      return end
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
