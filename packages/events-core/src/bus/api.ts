import type { EventTypeRegistry } from '../catalogue/registry.ts'
import type { PublishedEvent } from '../event/event.ts'
import type { EventFilter } from '../filter/filter.ts'
import type { EventMetrics } from '../metrics/metrics.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PositionRange } from '../storage/contract/subscriptions.ts'
import type { BusWorker } from './workers/worker.ts'

/** The part of a pino logger that the bus uses. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** The policy of `publishAsync` for a full buffer. */
export type Overflow = 'reject' | 'drop-newest' | 'drop-oldest'

export interface EventBusOptions {
  /** The store of the events; a memory store of 10,000 events by default. */
  readonly storage?: EventStorage
  /** Receives the bus's measurements. A figure whose method throws is lost. */
  readonly metrics?: EventMetrics
  /** Receives the bus's log lines. A line whose method throws is lost. */
  readonly logger?: Logger
  /** The known event types; the built-in catalogue, without payload checks, by default. */
  readonly registry?: EventTypeRegistry
  /**
   * Selects the events to store; the others reach only live subscribers. 'all' by default. If it throws, the event is
   * stored.
   */
  readonly persist?: 'all' | 'none' | ((event: PublishedEvent) => boolean)
  /** The maximum number of events that wait to be written; 10,000 by default. */
  readonly bufferEvents?: number
  /** The maximum size of the data that waits to be written, in bytes; 64 MiB by default. */
  readonly bufferBytes?: number
  /** The maximum number of events in one batch; 1,000 by default. A `publishMany` is never split. */
  readonly batchEvents?: number
  /** The time that `publish` waits for room and for the store before it rejects; 5,000 by default. */
  readonly publishTimeoutMs?: number
  /** The policy of `publishAsync` for a full buffer; 'reject' by default. */
  readonly overflow?: Overflow
  /** The maximum size of an event's data as JSON text; 262,144 bytes by default. */
  readonly maxDataBytes?: number
  /** The furthest that a timestamp may lie in the future; 300,000 by default. */
  readonly maxFutureMs?: number
  /** The interval at which expired events are removed, the first time within one interval of the start; 30,000 by default. */
  readonly sweepIntervalMs?: number
  /** The interval at which to look for events of other processes, in case no notification came; 1,000 by default. */
  readonly pollIntervalMs?: number
  /** Returns the time in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
  /** Background work that runs while the bus runs: processors, jobs, or anything else that implements `BusWorker`. */
  readonly workers?: readonly BusWorker[]
}

export interface PublishOptions {
  /** Stops waiting for room when it aborts; an event that is already being written is still stored. */
  readonly signal?: AbortSignal
  /** Overrides the bus's `publishTimeoutMs`. */
  readonly timeoutMs?: number
}

export interface PublishReceipt {
  readonly id: string
  /** Absent for an event that is not stored. */
  readonly position?: number
  /** True if the store already had an event with this id: nothing was stored or delivered. */
  readonly duplicate: boolean
}

export interface RetryPolicy {
  /** Handler calls for one event, including the first; 1 to 100, 3 by default. */
  readonly attempts?: number
  /** The pause before the second call, doubled before each further call, with jitter; 100 by default. */
  readonly minDelayMs?: number
  /** The longest pause between two calls; 10,000 by default. */
  readonly maxDelayMs?: number
}

/** Where a durable subscription begins: with the first event, with the events from now on, or after a position. */
export type StartPosition = 'beginning' | 'now' | number

export interface SubscribeOptions<E = PublishedEvent> {
  /**
   * The name under which the store keeps this subscription's checkpoint: its handler gets every event at least once, across
   * restarts and crashes, in one process at a time. A durable subscription reads only stored events, drops none, and does
   * not take `onQueueFull`. An event that fails on every attempt becomes a dead letter, and the next event follows.
   */
  readonly durable?: string
  /** Where a durable subscription that is new to the store begins; 'now' by default. */
  readonly from?: StartPosition
  /** The number of processes over which a durable subscription can be spread, by the key of `orderBy`; 1 by default. */
  readonly partitions?: number
  /** The time after a crash until another process takes over a durable subscription; 6,000 by default. */
  readonly leaseMs?: number
  /** The interval at which a durable subscription saves its checkpoint while it advances; 250 by default. */
  readonly checkpointMs?: number
  /** Shown in lists, logs and metrics; `subscription-<n>` by default. */
  readonly name?: string
  /** The subscriber, shown in lists. */
  readonly subscriber?: string
  /** Events handled at the same time; 1 by default. */
  readonly concurrency?: number
  /**
   * Returns an event's key. With `concurrency`, events of the same key are handled one after the other. If it throws, the
   * event has no key.
   */
  readonly orderBy?: (event: E) => string | number
  /** The maximum number of events that wait for the handler; 1,000 by default. */
  readonly queueEvents?: number
  /** The policy for a full queue; 'drop-oldest' by default. 'disconnect' ends the subscription. */
  readonly onQueueFull?: 'drop-oldest' | 'drop-newest' | 'disconnect'
  readonly retry?: RetryPolicy
  /** The time after which a call counts as failed and its signal aborts; 30,000 by default. */
  readonly handlerTimeoutMs?: number
  /** Called once if the subscription ends without `unsubscribe`: with 'queue_full', or with 'stopped' when the bus stops. */
  readonly onEnd?: (reason: 'queue_full' | 'stopped') => void
}

/** The second argument of a handler; each call gets its own object. */
export interface HandlerContext {
  /** 1 for the first call with this event. */
  readonly attempt: number
  /** Aborts when the call times out, or when the subscription has ended and the bus no longer waits. */
  readonly signal: AbortSignal
  readonly subscription: Subscription
}

/**
 * Handles an event, synchronously or not. An error that it throws or rejects with counts as a failure; its return value is
 * ignored. It runs in the AsyncLocalStorage context in which `subscribe` was called.
 */
export type EventHandler<E = PublishedEvent> = (event: E, context: HandlerContext) => unknown

/** The events of the types `T` as a bus with the event map `M` delivers them. */
export type EventOf<M, T extends keyof M & string> = T extends string ? PublishedEvent<T, M[T]> : never

/** A live subscription. */
export interface Subscription {
  readonly id: string
  readonly name: string
  /** Accepts no more events and drops those that wait. Running handlers continue: one of them may be the caller. */
  unsubscribe(): Promise<void>
}

/** A subscription as `bus.subscriptions()` and the HTTP API show it. */
export interface SubscriptionInfo {
  readonly id: string
  readonly name: string
  readonly subscriber: string
  readonly filter: EventFilter
  readonly created: string
  /** The time of the handler's last call; of several calls that start together, the time of the first. */
  readonly last_triggered: string | null
  readonly trigger_count: number
  readonly durable: boolean
  /**
   * A live subscription is always running. A durable one is waiting (another process runs it), running, paused, or stalled
   * (no progress for a minute).
   */
  readonly state: 'waiting' | 'running' | 'paused' | 'stalled'
  /**
   * Events that wait; for a durable subscription, all events between its checkpoint and the end of the log, matching or
   * not.
   */
  readonly lag: number
  readonly in_flight: number
  readonly dropped: number
  readonly errors: number
}

/** A durable subscription as the store knows it, whichever process runs it. */
export interface DurableSubscriptionInfo {
  readonly name: string
  readonly partitions: number
  /** The last position up to which every partition has handled all events. */
  readonly position: number
  /** Positions between `position` and the end of the log, matching or not. */
  readonly lag: number
  /** The last range lost to retention before it was handled, matching or not; null if none since the last reset. */
  readonly missed: PositionRange | null
  /** 'waiting' if no process runs it. */
  readonly state: 'running' | 'waiting' | 'paused'
  /** The processes that run its partitions. */
  readonly owners: readonly string[]
  readonly created: string
  /** The time at which a checkpoint was last saved. */
  readonly saved: string
}

export interface BusStats {
  readonly total_events: number
  readonly events_by_type: Readonly<Record<string, number>>
  /** The 100 sources with most events. */
  readonly events_by_source: Readonly<Record<string, number>>
  /** low below 5, normal below 10, high below 20, critical from 20. */
  readonly events_by_priority: Readonly<Record<'low' | 'normal' | 'high' | 'critical', number>>
  /** The newest ten. */
  readonly recent_events: readonly PublishedEvent[]
  readonly active_subscriptions: number
}

export type HealthStatus = 'ok' | 'degraded' | 'down'

export interface HealthCheck {
  readonly status: HealthStatus
  /** Describes what is wrong; absent if nothing is. */
  readonly detail?: string
  readonly [figure: string]: string | number | boolean | undefined
}

export interface BusHealth {
  readonly status: HealthStatus
  /** The checks of the bus, and those of its workers by their names. */
  readonly checks: Readonly<Record<'bus' | 'storage' | 'buffer' | 'subscriptions', HealthCheck>> &
    Readonly<Record<string, HealthCheck>>
}

export interface StopReport {
  /** True if everything was written and handled within the timeout. */
  readonly drained: boolean
  /** Accepted events that were not stored. */
  readonly unwritten: number
  /** Unfinished deliveries, by subscription name. */
  readonly unhandled: Readonly<Record<string, number>>
  /** True if the store was closed; if it was not, the reason has been logged. */
  readonly closed: boolean
}
