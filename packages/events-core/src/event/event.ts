import type { PayloadTypes } from '../catalogue/payloads.ts'
import type { Extensions } from './extensions.ts'
import type { JsonObject } from './json.ts'

/**
 * Payload types by event type. A service adds its own by declaration merging:
 * `declare module '@viewra/events-core' { interface EventTypes { 'order.paid': { total: number } } }`
 */
export interface EventTypes extends PayloadTypes {}

/** The named priorities; any integer from 0 to 100 is allowed. */
export const PRIORITY = { low: 1, normal: 5, high: 10, critical: 20 } as const

interface OptionalFields {
  /** A UUIDv7 by default; 1 to 128 printable characters. A second event with the same id is not stored. */
  readonly id?: string
  /** Whom or what the event is for; '' by default, at most 256 characters. */
  readonly target?: string
  /** '' by default, at most 512 characters. */
  readonly title?: string
  /** '' by default, at most 8,192 characters. */
  readonly message?: string
  /** An integer from 0 to 100; by default that of the type's catalogue entry, else 5. */
  readonly priority?: number
  /** At most 32 tags of at most 64 characters each. */
  readonly tags?: readonly string[]
  /** RFC 3339; stored in UTC with milliseconds. The time of publishing by default. */
  readonly timestamp?: string
  /** Milliseconds after `timestamp` during which the event is delivered, listed and counted. */
  readonly ttl?: number
  readonly correlation_id?: string
  readonly causation_id?: string
  /** W3C trace context. */
  readonly traceparent?: string
  /**
   * At most 32 CloudEvents extension attributes: names of 1 to 20 lower-case letters and digits; values are strings of at most
   * 1,024 characters, booleans or 32-bit integers.
   */
  readonly extensions?: Extensions
}

type DataOf<T extends string, M> = T extends keyof M
  ? Partial<M[T]> extends M[T]
    ? { readonly data?: M[T] & JsonObject }
    : { readonly data: M[T] & JsonObject }
  : { readonly data?: JsonObject }

/** The fields of an event of type `T` other than its type and source. */
export type EventFields<T extends string = string, M = EventTypes> = OptionalFields & DataOf<T, M>

/** The input to `publish`. `data` is typed if `type` is a literal that `M` knows. */
export type EventInput<T extends string = string, M = EventTypes> = EventFields<T, M> & {
  /** Dot-separated words: `[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*`, at most 128 characters. Case-sensitive. */
  readonly type: T
  /** `system`, `plugin:<id>`, `user:<id>`, or any string of 1 to 256 characters. */
  readonly source: string
}

/**
 * An event as subscribers and readers get it, in process and over the wire; frozen, all times RFC 3339 UTC with
 * milliseconds. `position` and `recorded_at` come from the store: a live-only event has neither.
 */
export interface PublishedEvent<T extends string = string, D = JsonObject> {
  readonly id: string
  readonly type: T
  readonly source: string
  readonly target: string
  readonly title: string
  readonly message: string
  readonly data: D
  readonly priority: number
  readonly tags: readonly string[]
  readonly timestamp: string
  readonly ttl?: number
  readonly correlation_id?: string
  readonly causation_id?: string
  readonly traceparent?: string
  readonly extensions?: Extensions
  readonly position?: number
  readonly recorded_at?: string
}

/** A stored event: its position is unique, increasing, and in commit order. */
export interface StoredEvent<T extends string = string, D = JsonObject> extends PublishedEvent<T, D> {
  readonly position: number
  readonly recorded_at: string
}

/** Returns its input; type-checks the data against the type where the event is created, not where it is published. */
export function createEvent<T extends string, M = EventTypes>(input: EventInput<T, M>): EventInput<T, M> {
  return input
}

/** Creates an input whose source is `system`. */
export function systemEvent<T extends string, M = EventTypes>(
  type: T,
  fields: EventFields<T, M>,
): EventInput<T, M> {
  return { ...fields, type, source: 'system' }
}

/** Creates an input whose source is `plugin:<pluginId>`. */
export function pluginEvent<T extends string, M = EventTypes>(
  pluginId: string,
  type: T,
  fields: EventFields<T, M>,
): EventInput<T, M> {
  return { ...fields, type, source: `plugin:${pluginId}` }
}

/** Creates an input whose source is `user:<userId>`. */
export function userEvent<T extends string, M = EventTypes>(
  userId: string,
  type: T,
  fields: EventFields<T, M>,
): EventInput<T, M> {
  return { ...fields, type, source: `user:${userId}` }
}
