import { checkOptions, func, type OptionRule, shown } from '../check-options.ts'
import type { PublishedEvent } from '../event.ts'
import type { EventFeed } from './event-feed.ts'
import type { FeedItem, FeedOptions } from './feed-item.ts'

/** What happens beside events: see `FeedItem`. */
export type StreamNotice = Exclude<FeedItem, { kind: 'events' }>

export interface StreamOptions extends FeedOptions {
  /** Ends the stream, without an error. */
  readonly signal?: AbortSignal
  /** Told when the stream has caught up or fallen behind, and when retention has removed what it should have had. */
  readonly onNotice?: (notice: StreamNotice) => void
}

const RULES: Readonly<Record<'signal' | 'onNotice', OptionRule>> = {
  signal: (value) =>
    value instanceof AbortSignal ? undefined : `must be an AbortSignal, not ${shown(value)}`,
  onNotice: func,
}

/** A feed as the events alone, one by one. */
export async function* streamEvents(
  open: (options: FeedOptions) => Promise<EventFeed>,
  { signal, onNotice, ...feedOptions }: StreamOptions,
): AsyncGenerator<PublishedEvent, void> {
  checkOptions('stream options', { signal, onNotice }, RULES)
  if (signal?.aborted) return
  const feed = await open(feedOptions)
  const close = () => feed.close()
  signal?.addEventListener('abort', close, { once: true })
  try {
    // The signal may have aborted while the feed was opened.
    if (signal?.aborted) return
    for await (const item of feed) {
      if (item.kind === 'events') yield* untilAborted(item.events, signal)
      else onNotice?.(item)
    }
  } finally {
    signal?.removeEventListener('abort', close)
    feed.close()
  }
}

function* untilAborted(
  events: readonly PublishedEvent[],
  signal: AbortSignal | undefined,
): Generator<PublishedEvent, void> {
  for (const event of events) {
    if (signal?.aborted) return
    yield event
  }
}
