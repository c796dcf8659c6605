import type { PublishedEvent } from '../event/event.ts'
import type { EventFilter } from '../filter/filter.ts'
import type { BusGauges } from '../metrics/metrics.ts'
import { within } from '../within.ts'
import type { PublishReceipt, StopReport } from './api.ts'
import { Feeds } from './feed/feeds.ts'
import { guarded } from './guarded.ts'
import type { HealthFacts } from './health.ts'
import type { BusParts } from './parts.ts'
import { draftEvent, type EventDraft } from './publish/draft.ts'
import { completeDrafts } from './publish/write-group.ts'
import { WriteQueue } from './publish/write-queue.ts'
import type { LogReader } from './tail/log-reader.ts'
import { LogReaders } from './tail/log-readers.ts'
import { LogTail } from './tail/log-tail.ts'
import type { Signal } from './tail/signal.ts'
import type { BusHost } from './workers/worker.ts'

/** The minimum time that a store gets to close, since it may still have to write what it holds. */
const CLOSE_MS = 5_000

/** A bus from one start to the next stop: the open store, the queue that writes to it, and the tail that follows it. */
export class RunningBus {
  readonly writes: WriteQueue
  readonly tail: LogTail
  readonly feeds: Feeds
  readonly #parts: BusParts
  readonly #readers: LogReaders
  readonly #detachMetrics: () => void

  private constructor(parts: BusParts, position: number) {
    const { settings, subscriptions, drops } = parts
    this.#parts = parts
    const dispatched = () => this.tail.dispatched
    this.#readers = new LogReaders({ ...settings, dispatched })
    this.tail = new LogTail(
      {
        ...settings,
        dispatch: (event) => {
          subscriptions.dispatch(event)
          this.#readers.dispatch(event)
        },
        hasReceivers: () => subscriptions.size > 0 || !this.#readers.isEmpty,
      },
      position,
    )
    this.feeds = new Feeds({ ...settings, readers: this.#readers })
    this.writes = new WriteQueue({
      ...settings,
      lastPosition: position,
      deliver: (events) => this.#deliver(events),
      dropped: (reason, count) => drops.add(reason, count),
    })
    this.#detachMetrics = settings.metrics.attach(() => this.#gauges())
  }

  /** @throws EventsError EVENTS_STORAGE_* or EVENTS_CONFLICT; whatever a worker throws. Nothing is left open then */
  static async open(parts: BusParts): Promise<RunningBus> {
    const { storage } = parts.settings
    await storage.open()
    const running = await RunningBus.#create(parts)
    try {
      await parts.workers.start(running.#host())
      return running
    } catch (error) {
      await running.close(0, {})
      throw error
    }
  }

  static async #create(parts: BusParts): Promise<RunningBus> {
    try {
      const { position } = await parts.settings.storage.head()
      return new RunningBus(parts, position)
    } catch (error) {
      await closeStorage(parts, CLOSE_MS)
      throw error
    }
  }

  /** @param unhandledBefore the work that workers left undone, by name */
  async close(timeoutMs: number, unhandledBefore: StopReport['unhandled']): Promise<StopReport> {
    const { subscriptions, drops } = this.#parts
    const deadline = performance.now() + timeoutMs
    const remaining = () => Math.max(0, deadline - performance.now())
    const unwritten = await this.writes.close(deadline)
    await this.tail.stop(remaining())
    const [left] = await Promise.all([subscriptions.drain(remaining()), this.feeds.drain(remaining())])
    const unhandled = { ...unhandledBefore, ...left }
    this.#detachMetrics()
    drops.flush()
    const closed = await closeStorage(this.#parts, Math.max(remaining(), CLOSE_MS))
    return { drained: unwritten === 0 && Object.keys(unhandled).length === 0, unwritten, unhandled, closed }
  }

  /** Decides whether a draft is stored, and counts a payload that differs from its type. */
  prepare(draft: EventDraft): EventDraft {
    const { persist, registry, metrics } = this.#parts.settings
    draft.stored = typeof persist === 'function' ? persist(draft.event) : persist === 'all'
    const { type, data } = draft.event
    if (registry.check(type, data).length > 0) metrics.payloadMismatch(type)
    return draft
  }

  #deliver(events: readonly PublishedEvent[]): void {
    for (const { type, priority } of events) this.#parts.settings.metrics.published(type, priority)
    this.tail.offer(events)
  }

  #host(): BusHost {
    const { settings, owner } = this.#parts
    const { storage, logger, metrics, pollIntervalMs, publishTimeoutMs, now } = settings
    return {
      storage,
      owner,
      clock: now,
      logger,
      metrics,
      pollIntervalMs,
      head: () => this.tail.head,
      publish: async (input) => {
        const draft = this.prepare(draftEvent(input, settings, now()))
        const [receipt] = await this.writes.write([draft], { timeoutMs: publishTimeoutMs })
        // One draft has one receipt.
        return receipt as PublishReceipt
      },
      read: (filter, after, signal) => this.#read(filter, after, signal),
      draft: (input, nowMs) => {
        const draft = this.prepare(draftEvent(input, settings, nowMs))
        draft.stored = true
        return draft
      },
      stored: (drafts, result) => this.#deliver(completeDrafts(drafts, result)),
    }
  }

  #read(filter: EventFilter, after: number, signal: Signal): LogReader {
    const { metrics, logger } = this.#parts.settings
    const readFailed = (err: unknown) => {
      metrics.storageError('read')
      logger.warn({ err }, 'A worker cannot read the event log; retrying')
    }
    return this.#readers.join(filter).open({ after, signal, readFailed })
  }

  #gauges(): BusGauges {
    const { settings, subscriptions, workers } = this.#parts
    const { storage, bufferEvents } = settings
    const work = workers.gauges()
    const workersLag = Array.from(work.values()).flatMap(({ lag }) => [...(lag ?? [])])
    return {
      oldestWriteSeconds: this.writes.oldestWriteMs / 1_000,
      bufferEvents: this.writes.size,
      bufferCapacity: bufferEvents,
      subscriptionLag: new Map([...subscriptions.lag(), ...workersLag, ...this.feeds.lag()]),
      workers: work,
      streamClients: this.feeds.counts(),
      isListening: guarded(
        () => storage.isListening?.(),
        () => undefined,
      )(),
      storedEvents: () => answer(() => storage.count()),
      deadLetters: () => answer(async () => (await storage.deadLetters.list({ limit: 1 })).total),
    }
  }
}

/** Returns the store's answer, or undefined if the store fails. */
async function answer(question: () => Promise<number>): Promise<number | undefined> {
  try {
    return await question()
  } catch {
    return undefined
  }
}

/** Closes the store. Returns false, and logs the reason, if it did not close in time. */
async function closeStorage({ settings }: BusParts, timeoutMs: number): Promise<boolean> {
  const { storage, logger } = settings
  try {
    const close = async () => {
      await storage.close()
      return true
    }
    const isClosed = await within(timeoutMs, close())
    if (isClosed === undefined) logger.error({ timeoutMs }, 'The store did not close in time')
    return isClosed ?? false
  } catch (err) {
    logger.error({ err }, 'Cannot close the store')
    return false
  }
}

/** Returns the facts from which a bus's health is computed, whether the bus runs or not. */
export function healthFacts(parts: BusParts, running: RunningBus | undefined): HealthFacts {
  const { settings, subscriptions, workers } = parts
  return {
    running: running !== undefined,
    storage: settings.storage,
    writeFailure: running?.writes.failure,
    oldestWriteMs: running?.writes.oldestWriteMs ?? 0,
    bufferEvents: running?.writes.size ?? 0,
    bufferCapacity: settings.bufferEvents,
    others: [
      ['subscriptions', subscriptions.check()],
      ['subscriptions', { status: 'ok', active: running?.feeds.size ?? 0 }],
      ...workers.checks(),
    ],
  }
}
