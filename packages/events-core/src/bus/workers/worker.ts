import type { EventInput } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { EventMetrics, WorkerGauges } from '../../metrics/metrics.ts'
import type { AppendResult, EventStorage } from '../../storage/contract/storage.ts'
import type { HealthCheck, Logger, PublishReceipt, SubscriptionInfo } from '../api.ts'
import type { EventDraft } from '../publish/draft.ts'
import type { LogReader } from '../tail/log-reader.ts'
import type { Signal } from '../tail/signal.ts'

/** What background work gets from the bus that runs it. All of it is valid until `stop` has settled. */
export interface BusHost {
  /** The open store. Leases and documents are the way to share work with other processes. */
  readonly storage: EventStorage
  /** Names this process in leases. */
  readonly owner: string
  /** The bus's clock, in milliseconds since 1970. */
  readonly clock: () => number
  readonly logger: Logger
  readonly metrics: EventMetrics
  /** How often to ask the store for what no channel told of. */
  readonly pollIntervalMs: number
  /** Returns the last position that is known to exist. */
  head(): number
  /** Publishes an event as `bus.publish` does, also while the bus waits for its workers to stop. */
  publish(input: EventInput): Promise<PublishReceipt>
  /**
   * Opens a reader of the log that begins behind a position, and notifies `signal` when there is more to take. It shares the
   * live buffer with all readers of its filter.
   */
  read(filter: EventFilter, after: number, signal: Signal): LogReader
  /**
   * Checks an event that the worker stores by itself, in a commit, and fills in its defaults.
   * @param nowMs the time that it is made at
   * @throws EventsError EVENTS_INVALID
   */
  draft(input: EventInput, nowMs: number): EventDraft
  /** Tells subscribers of events that the worker has stored; what the store said of them is written into them. */
  stored(drafts: readonly EventDraft[], result: AppendResult): void
}

/**
 * Background work that runs wherever a bus is started with it: `createEventBus({ workers })`, or `bus.run(worker)` later. A
 * worker that must run in one process at a time takes a lease.
 */
export interface BusWorker {
  /** Its name in health, metrics and logs; one worker of a bus has it. */
  readonly name: string
  /** Begins the work. Called again when the bus is started again. A worker that cannot start keeps the bus from starting. */
  start(host: BusHost): Promise<void> | void
  /**
   * Ends the work within `timeoutMs`.
   * @returns what was left undone, by name; nothing when all was done
   */
  stop(timeoutMs: number): Promise<Readonly<Record<string, number>> | undefined>
  /** Returns whether the work goes well, for health; 'ok' without it. */
  check?(): HealthCheck
  /** Returns figures for health and metrics. */
  gauges?(): WorkerGauges
  /** Describes durable subscriptions that the worker runs here. */
  subscriptions?(): readonly SubscriptionInfo[]
}

/** A worker that `bus.run` started. */
export interface RunningWorker {
  /** Ends the work and forgets the worker. */
  stop(timeoutMs?: number): Promise<void>
}
