import type { PublishedEvent } from '../../event/event.ts'

/**
 * What a feed hands out, one after the other. `position` is that up to which every matching event was handed out then.
 *
 * `events`: in order, never empty; feeds of one filter may get the very same array. `caught_up`: what follows is live.
 * `fell_behind`: more came than waits for a reader, so what follows is read from the store again; live-only events are
 * missing then. `gap`: retention has removed events between these positions, both inclusive, or may have.
 */
export type FeedItem =
  | { readonly kind: 'events'; readonly events: readonly PublishedEvent[]; readonly position: number }
  | { readonly kind: 'caught_up'; readonly position: number }
  | { readonly kind: 'fell_behind'; readonly position: number }
  | { readonly kind: 'gap'; readonly from: number; readonly to: number }

/** Takes an item; when it answers a promise, the next item comes after that. */
export type FeedReceiver = (item: FeedItem) => Promise<void> | undefined

export interface FeedOptions {
  /** Goes on behind this position: that of the last event that is not to come again. */
  readonly after?: number
  /** Where to begin without `after`: with all that is kept, or with what comes from now on; 'now' by default. */
  readonly from?: 'beginning' | 'now'
  /** Shown in lists and metrics; `feed-<n>` by default. */
  readonly name?: string
  /** Who reads, for lists. */
  readonly subscriber?: string
}

/** Returns the items of a feed as an iterator that closes the feed when its reader ends it, also while the reader waits. */
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
