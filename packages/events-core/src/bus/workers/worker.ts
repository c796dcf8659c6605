import type { EventInput } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { EventMetrics, WorkerGauges } from '../../metrics/metrics.ts'
import type { AppendResult, EventStorage } from '../../storage/contract/storage.ts'
import type { HealthCheck, Logger, PublishReceipt, SubscriptionInfo } from '../api.ts'
import type { EventDraft } from '../publish/draft.ts'
import type { LogReader } from '../tail/log-reader.ts'
import type { Signal } from '../tail/signal.ts'

/** The parts of a bus that background work may use. All of them are valid until `stop` has settled. */
export interface BusHost {
  /** The open store. Use its leases and documents to share work with other processes. */
  readonly storage: EventStorage
  /** Names this process in leases. */
  readonly owner: string
  /** The bus's clock, in milliseconds since 1970. */
  readonly clock: () => number
  readonly logger: Logger
  readonly metrics: EventMetrics
  /** The interval at which to poll the store for changes without a notification. */
  readonly pollIntervalMs: number
  /** Returns the last known position. */
  head(): number
  /** Publishes an event as `bus.publish` does, also while the bus waits for its workers to stop. */
  publish(input: EventInput): Promise<PublishReceipt>
  /**
   * Opens a reader of the log that begins after a position and notifies `signal` when there is more to take. It shares the
   * live buffer with all readers of its filter.
   */
  read(filter: EventFilter, after: number, signal: Signal): LogReader
  /**
   * Validates an event that the worker itself stores in a commit, and fills in its defaults.
   * @param nowMs the time at which the event is created
   * @throws EventsError EVENTS_INVALID
   */
  draft(input: EventInput, nowMs: number): EventDraft
  /** Delivers events that the worker has stored to subscribers, after completing them with the store's result. */
  stored(drafts: readonly EventDraft[], result: AppendResult): void
}

/**
 * Background work that runs wherever a bus is started with it: `createEventBus({ workers })`, or `bus.run(worker)` later. A
 * worker that must run in one process at a time takes a lease.
 */
export interface BusWorker {
  /** Its name in health, metrics and logs, unique within a bus. */
  readonly name: string
  /** Begins the work. Called again when the bus is started again. If it fails, the bus does not start. */
  start(host: BusHost): Promise<void> | void
  /**
   * Ends the work within `timeoutMs`.
   * @returns the work left undone, by name; undefined if there is none
   */
  stop(timeoutMs: number): Promise<Readonly<Record<string, number>> | undefined>
  /** Returns the worker's health check; 'ok' without this method. */
  check?(): HealthCheck
  /** Returns figures for health and metrics. */
  gauges?(): WorkerGauges
  /** Describes the durable subscriptions that the worker runs here. */
  subscriptions?(): readonly SubscriptionInfo[]
}

/** A worker that `bus.run` started. */
export interface RunningWorker {
  /** Ends the work and removes the worker. */
  stop(timeoutMs?: number): Promise<void>
}
