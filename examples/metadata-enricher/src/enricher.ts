import { setTimeout as sleep } from 'node:timers/promises'
import {
  type EventBus,
  isEventsError,
  type RetryPolicy,
  type Subscription,
  type SubscriptionInfo,
} from '@viewra/events-core'
import { type FileFound, metadataEnriched, notEnriched } from './enrichment-events.ts'
import { MediaFault } from './media-fault.ts'
import { type MediaTags, readTags } from './media-tags.ts'
import { emptyTally, type Tally } from './tally.ts'

export interface EnricherOptions {
  /** A running bus on the store into which the scanner publishes. */
  readonly bus: EventBus
  /** Files read in parallel; 4 by default. */
  readonly concurrency?: number
  /** The time without a renewal after which another enricher takes over; 6,000 by default. */
  readonly leaseMs?: number
  /** For files that cannot be read now and a store that is unavailable; nine attempts in about a minute by default. */
  readonly retry?: RetryPolicy
  /** The time that `stop` waits for files in progress; 8,000 by default. */
  readonly stopTimeoutMs?: number
  /** Reads a file's tags; music-metadata by default. */
  readonly readTags?: (path: string) => Promise<MediaTags>
}

export const SUBSCRIPTION = 'metadata-enricher'

const RETRY: RetryPolicy = { attempts: 9, minDelayMs: 250, maxDelayMs: 30_000 }

/**
 * Answers each `media.file.found` of an audio or video file with one `media.metadata.enriched` or one `warning`.
 *
 * The subscription is durable, so each event is handled at least once, whatever crashes; the answer's id is derived from
 * the event's, so the store keeps one answer. If several enrichers use one store, one works and the others wait.
 */
export class Enricher {
  readonly #options: EnricherOptions
  readonly #tally = emptyTally()
  readonly #underWay = new Set<Promise<void>>()
  readonly #ended = Promise.withResolvers<void>()
  #subscription: Subscription | undefined

  constructor(options: EnricherOptions) {
    this.#options = options
  }

  get tally(): Readonly<Tally> {
    return this.#tally
  }

  get state(): SubscriptionInfo['state'] | undefined {
    const { bus } = this.#options
    return bus.subscriptions().find(({ id }) => id === this.#subscription?.id)?.state
  }

  /** Resolves when the subscription has ended, also because it was deleted or renamed in the store. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** @throws EventsError EVENTS_STORAGE_* */
  async start(): Promise<void> {
    const { bus, concurrency = 4, retry = RETRY, leaseMs } = this.#options
    this.#subscription = await bus.subscribe(
      'media.file.found',
      (found) => this.#track(this.#handle(found)),
      {
        durable: SUBSCRIPTION,
        from: 'beginning',
        concurrency,
        retry,
        ...(leaseMs !== undefined && { leaseMs }),
        onEnd: () => this.#ended.resolve(),
      },
    )
  }

  /**
   * Starts no further file and waits for those in progress. Call it before stopping the bus: a bus that is stopping
   * accepts no events, not even the answers for these files.
   */
  async stop(): Promise<void> {
    await this.#subscription?.unsubscribe()
    const late = sleep(this.#options.stopTimeoutMs ?? 8_000, undefined, { ref: false })
    await Promise.race([Promise.allSettled(this.#underWay), late])
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#underWay.add(work)
    try {
      await work
    } catch (error) {
      this.#tally.failures++
      throw error
    } finally {
      this.#underWay.delete(work)
    }
  }

  async #handle(found: FileFound): Promise<void> {
    if (!/^(audio|video)\//.test(found.data.mime_type)) {
      this.#tally.skipped++
      return
    }
    try {
      await this.#enrich(found)
    } catch (error) {
      if (!(error instanceof MediaFault)) throw error
      await this.#options.bus.publish(notEnriched(found, error))
      this.#tally.warnings++
    }
  }

  async #enrich(found: FileFound): Promise<void> {
    const { bus, readTags: read = readTags } = this.#options
    const tags = await read(found.data.path)
    const { duplicate } = await bus.publish(metadataEnriched(found, tags)).catch((error: unknown) => {
      throw isRefused(error) ? new MediaFault('TOO_LARGE', found.data.path, error) : error
    })
    if (duplicate) this.#tally.repeated++
    else this.#tally.enriched++
  }
}

/**
 * Returns whether an event was rejected as invalid. Only the tags can be invalid: everything else comes from a validated
 * event or is created here.
 */
function isRefused(error: unknown): boolean {
  return isEventsError(error) && error.code === 'EVENTS_INVALID'
}
