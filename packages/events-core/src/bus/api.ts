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

/** What `publishAsync` does when the buffer is full. */
export type Overflow = 'reject' | 'drop-newest' | 'drop-oldest'

export interface EventBusOptions {
  /** Where events are kept; a memory store of 10,000 events by default. */
  readonly storage?: EventStorage
  /** A method that throws costs that figure. */
  readonly metrics?: EventMetrics
  /** A method that throws costs that line. */
  readonly logger?: Logger
  /** The event types that are known beforehand; the built-in catalogue, without payload checks, by default. */
  readonly registry?: EventTypeRegistry
  /** Which events are stored; the others reach live subscribers only. 'all' by default. When it throws, the event is stored. */
  readonly persist?: 'all' | 'none' | ((event: PublishedEvent) => boolean)
  /** Events that may wait to be written; 10,000 by default. */
  readonly bufferEvents?: number
  /** Bytes of data that may wait to be written; 64 MiB by default. */
  readonly bufferBytes?: number
  /** Events of one write at the most; 1,000 by default. A `publishMany` is never split. */
  readonly batchEvents?: number
  /** How long `publish` waits for room and for the store before it rejects; 5,000 by default. */
  readonly publishTimeoutMs?: number
  /** For `publishAsync`; 'reject' by default. */
  readonly overflow?: Overflow
  /** Limit of an event's data as JSON text; 262,144 bytes by default. */
  readonly maxDataBytes?: number
  /** How far in the future a timestamp may lie; 300,000 by default. */
  readonly maxFutureMs?: number
  /** How often expired events are removed, the first time within it after the start; 30,000 by default. */
  readonly sweepIntervalMs?: number
  /** How often to ask whether other processes have appended, in case no word of it came; 1,000 by default. */
  readonly pollIntervalMs?: number
  /** The time, in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
  /** Background work that runs while the bus does: processors, jobs, or anything else that implements `BusWorker`. */
  readonly workers?: readonly BusWorker[]
}

export interface PublishOptions {
  /** Gives up waiting for room; an event that is being written already is stored all the same. */
  readonly signal?: AbortSignal
  /** Instead of the bus's `publishTimeoutMs`. */
  readonly timeoutMs?: number
}

export interface PublishReceipt {
  readonly id: string
  /** Absent for an event that is not stored. */
  readonly position?: number
  /** Whether the store had an event of this id already: nothing was stored or delivered. */
  readonly duplicate: boolean
}

export interface RetryPolicy {
  /** Calls of the handler for one event, the first one included; 1 to 100, 3 by default. */
  readonly attempts?: number
  /** Pause before the second call, doubled for each further one, with jitter; 100 by default. */
  readonly minDelayMs?: number
  /** 10,000 by default. */
  readonly maxDelayMs?: number
}

/** Where a durable subscription begins: with all history, with what comes from now on, or after a position. */
export type StartPosition = 'beginning' | 'now' | number

export interface SubscribeOptions<E = PublishedEvent> {
  /**
   * The name under which the store remembers how far this subscription is: at least once, across restarts and crashes,
   * by one process at a time. It reads stored events only, never drops, and has no use for `onQueueFull`. An event
   * whose attempts are spent becomes a dead letter, and the next one comes.
   */
  readonly durable?: string
  /** Where a durable subscription begins that the store does not know yet; 'now' by default. */
  readonly from?: StartPosition
  /** Spreads a durable subscription over up to so many processes, by the key of `orderBy`; 1 by default. */
  readonly partitions?: number
  /** How long after a crash another process takes a durable subscription over; 6,000 by default. */
  readonly leaseMs?: number
  /** How often a durable subscription saves how far it is, while it moves; 250 by default. */
  readonly checkpointMs?: number
  /** Shown in lists, logs and metrics; `subscription-<n>` by default. */
  readonly name?: string
  /** Who subscribes, for lists. */
  readonly subscriber?: string
  /** Events handled at the same time; 1 by default. */
  readonly concurrency?: number
  /** With `concurrency`: events of the same key are handled one after the other. When it throws, the event has no key. */
  readonly orderBy?: (event: E) => string | number
  /** Events that may wait for the handler; 1,000 by default. */
  readonly queueEvents?: number
  /** What happens when they are more; 'drop-oldest' by default. 'disconnect' ends the subscription. */
  readonly onQueueFull?: 'drop-oldest' | 'drop-newest' | 'disconnect'
  readonly retry?: RetryPolicy
  /** After which a call counts as failed and its signal is aborted; 30,000 by default. */
  readonly handlerTimeoutMs?: number
  /** Told once when the subscription ends other than by `unsubscribe`: 'queue_full', or 'stopped' with the bus. */
  readonly onEnd?: (reason: 'queue_full' | 'stopped') => void
}

/** What a handler gets beside the event: an object of its own for each call. */
export interface HandlerContext {
  /** 1 for the first call with this event. */
  readonly attempt: number
  /** Aborted when the call has timed out, or the subscription ended and the bus no longer waits. */
  readonly signal: AbortSignal
  readonly subscription: Subscription
}

/**
 * May be synchronous or not; what it throws or rejects with counts as a failure, what it answers is not looked at. It runs in the
 * AsyncLocalStorage context in which `subscribe` was called.
 */
export type EventHandler<E = PublishedEvent> = (event: E, context: HandlerContext) => unknown

/** The events of the types `T` as a bus with the event map `M` delivers them. */
export type EventOf<M, T extends keyof M & string> = T extends string ? PublishedEvent<T, M[T]> : never

/** A live subscription. */
export interface Subscription {
  readonly id: string
  readonly name: string
  /** Takes no more events and drops those that wait. Handlers that run go on: one of them may be the caller. */
  unsubscribe(): Promise<void>
}

/** A subscription as `bus.subscriptions()` and the HTTP API show it. */
export interface SubscriptionInfo {
  readonly id: string
  readonly name: string
  readonly subscriber: string
  readonly filter: EventFilter
  readonly created: string
  /** When the handler was last called; of several calls that are begun together, when the first of them was. */
  readonly last_triggered: string | null
  readonly trigger_count: number
  readonly durable: boolean
  /** Of a durable one: waiting (another process runs it), running, paused, stalled (no progress for a minute). */
  readonly state: 'waiting' | 'running' | 'paused' | 'stalled'
  /** Events that wait; of a durable one, those between its checkpoint and the end of the log, matching or not. */
  readonly lag: number
  readonly in_flight: number
  readonly dropped: number
  readonly errors: number
}

/** A durable subscription as the store knows it, whichever process runs it. */
export interface DurableSubscriptionInfo {
  readonly name: string
  readonly partitions: number
  /** All up to it is handled, in every partition. */
  readonly position: number
  /** Positions between it and the end of the log, matching or not. */
  readonly lag: number
  /** What it could not have last, because retention had removed it, matching or not; null when nothing, or since a reset. */
  readonly missed: PositionRange | null
  /** waiting: no process runs it. */
  readonly state: 'running' | 'waiting' | 'paused'
  /** The processes that run its partitions. */
  readonly owners: readonly string[]
  readonly created: string
  /** When a position was last saved. */
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
  /** What is wrong; absent when all is well. */
  readonly detail?: string
  readonly [figure: string]: string | number | boolean | undefined
}

export interface BusHealth {
  readonly status: HealthStatus
  /** Those of the bus, and those of its workers by their names. */
  readonly checks: Readonly<Record<'bus' | 'storage' | 'buffer' | 'subscriptions', HealthCheck>> &
    Readonly<Record<string, HealthCheck>>
}

export interface StopReport {
  /** Whether everything was written and handled before the time was up. */
  readonly drained: boolean
  /** Accepted events that were not stored. */
  readonly unwritten: number
  /** Deliveries that were not finished, by subscription name. */
  readonly unhandled: Readonly<Record<string, number>>
  /** Whether the store was closed; why it was not has been logged. */
  readonly closed: boolean
}
