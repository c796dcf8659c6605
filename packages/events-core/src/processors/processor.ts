import type { StartPosition } from '../bus/api.ts'
import { nameRule, startRule } from '../bus/delivery/settings.ts'
import { checkOptions, func, integer, type OptionRule, object } from '../check-options.ts'
import { invalid } from '../errors.ts'
import type { EventInput, StoredEvent } from '../event/event.ts'
import type { EventFilter } from '../filter/filter.ts'
import { validateFilter } from '../filter/validate.ts'
import { ProcessorWorker } from './processor-worker.ts'

/**
 * An event that a processor publishes. Its id is made of the processor, the key and what caused it, so that it is the same
 * whenever history is processed again. Without a `timestamp` it has the log time of its cause; without a `source`,
 * `processor:<name>`.
 */
export type Output = Omit<EventInput, 'id' | 'source'> & { readonly source?: string }

/** The effects that a step or a timer may have. They count only if the call returns: one that throws has none. */
export interface StepContext<S> {
  /** Log time in milliseconds since 1970: when the event was recorded, or the timer was due. The only clock there is. */
  readonly now: number
  /**
   * Replaces the key's state; undefined deletes it, and leaves its timer as it is.
   * @throws EventsError EVENTS_INVALID for a value that is not JSON or exceeds 256 KiB
   */
  set(state: S | undefined): void
  /**
   * Sets the key's timer to a log time, in milliseconds since 1970. A key has one timer: another call moves it.
   * @throws EventsError EVENTS_INVALID unless it is an integer later than `now`
   */
  setTimer(atMs: number): void
  clearTimer(): void
  /** Publishes an event exactly once, in the transaction of the call's other effects. @throws EventsError EVENTS_INVALID */
  emit(output: Output): void
}

export interface TimerContext<S> extends StepContext<S> {
  /** When the timer was due: the same as `now`. */
  readonly at: number
}

/**
 * Defines a processor. `key`, `step` and `timer` are synchronous and depend on nothing but what they are given: no clock, no
 * random numbers, no I/O. Only then does history give the same outputs when it is processed again.
 */
export interface ProcessorDefinition<S> {
  /** Selects the events that it gets; all by default. */
  readonly filter?: EventFilter
  /** Raise it when the code changes: a revision never sees the state of another, and begins at `from`. */
  readonly revision: number
  /** Where a revision that is new to the store begins; 'now' by default. */
  readonly from?: StartPosition
  /** Returns the key that an event belongs to, a string of at most 256 characters; undefined if the event is not for this processor. */
  key(event: StoredEvent): string | undefined
  /**
   * Handles an event, with the state of its key. An event whose step throws becomes a dead letter, for inspection only: the
   * step never gets it again, since later events have been handled. Raise `revision` to process history with fixed code.
   */
  step(event: StoredEvent, state: S | undefined, context: StepContext<S>): void
  /** Handles a timer that is due. If it throws, the error is logged and the timer dropped. */
  timer?(key: string, state: S | undefined, context: TimerContext<S>): void
  /** The most processes that share the work, by key; 1 by default. Fixed once the revision has been started. */
  readonly partitions?: number
  /**
   * Maximum number of keys with state, per partition; beyond it, those that were changed longest ago are shed, with their
   * timers. 1,000,000 by default. Which keys are shed depends on which events were committed together, so from then on the
   * same history may give other outputs.
   */
  readonly maxKeys?: number
  /** Maximum bytes of keys and state as JSON, per partition, likewise; 256 MiB by default. */
  readonly maxStateBytes?: number
  /** Maximum number of keys whose state is kept in memory, per partition, in at most 32 MiB; 10,000 by default. */
  readonly cacheKeys?: number
  /** Maximum number of events and timers per commit; 500 by default. */
  readonly batchEvents?: number
  /**
   * Milliseconds after which a call is ended; 1,000 by default. It is made once more, since the whole process may have stood
   * still, and then counts as failed. The process does nothing else meanwhile.
   */
  readonly stepTimeoutMs?: number
  /** Milliseconds after a crash before another process takes over; 6,000 by default. */
  readonly leaseMs?: number
}

export type ProcessorSettings = Required<Omit<ProcessorDefinition<unknown>, 'timer'>> &
  Pick<ProcessorDefinition<unknown>, 'timer'> & {
    /** Name of its durable subscription. */
    readonly name: string
    /** The default of an output's source. */
    readonly source: string
  }

const MAX_TIMER_MS = 2 ** 31 - 1

const RULES: Readonly<Record<keyof ProcessorDefinition<unknown>, OptionRule>> = {
  filter: object,
  revision: integer(1),
  from: startRule,
  key: syncFunc,
  step: syncFunc,
  timer: syncFunc,
  partitions: integer(1, 256),
  maxKeys: integer(1),
  maxStateBytes: integer(1),
  cacheKeys: integer(1),
  batchEvents: integer(1, 500),
  stepTimeoutMs: integer(10, MAX_TIMER_MS),
  leaseMs: integer(100, MAX_TIMER_MS),
}

const NAME_RULES = { name: nameRule }
const MIB = 2 ** 20

/**
 * Creates a processor: a durable subscription that keeps state by key and publishes events, each exactly once, whatever crashes.
 * Its name in lists is `<name>@<revision>`. Give it to a bus: `createEventBus({ workers: [stuckScans] })` or `bus.run(stuckScans)`.
 * @throws EventsError EVENTS_INVALID for an unknown option or a wrong value
 *
 * @example
 * const stuckScans = processor<{ path: string }>('stuck-scans', {
 *   filter: { types: ['scan.*'] },
 *   revision: 1,
 *   key: (event) => String(event.data.scan_id),
 *   step(event, scan, { now, set, setTimer, clearTimer }) {
 *     if (event.type === 'scan.completed') {
 *       set(undefined)
 *       clearTimer()
 *     } else {
 *       set({ path: scan?.path ?? String(event.data.path) })
 *       setTimer(now + 300_000)
 *     }
 *   },
 *   timer: (_key, state, { emit }) => emit({ type: 'warning', title: `The scan of ${state?.path} is stuck` }),
 * })
 */
export function processor<S>(name: string, definition: ProcessorDefinition<S>): ProcessorWorker {
  checkOptions('processor', { name }, NAME_RULES)
  checkOptions('processor', definition, RULES)
  const missing = (['revision', 'key', 'step'] as const).find((option) => definition[option] === undefined)
  if (missing !== undefined) throw invalid('processor', [{ path: missing, message: 'is missing' }])
  const fullName = `${name}@${definition.revision}`
  checkOptions('processor', { name: fullName }, NAME_RULES)
  // State comes back as what the same definition has set.
  const untyped = definition as ProcessorDefinition<unknown>
  return new ProcessorWorker({
    partitions: 1,
    maxKeys: 1_000_000,
    maxStateBytes: 256 * MIB,
    cacheKeys: 10_000,
    batchEvents: 500,
    stepTimeoutMs: 1_000,
    leaseMs: 6_000,
    from: 'now',
    ...untyped,
    filter: validateFilter(definition.filter ?? {}),
    name: fullName,
    source: `processor:${name}`,
  })
}

/** An async function returns before it has done anything, so there would be nothing to commit. */
function syncFunc(value: unknown): string | undefined {
  const isAsync = typeof value === 'function' && value.constructor.name === 'AsyncFunction'
  return isAsync ? 'must be synchronous: what it does asynchronously cannot be part of a commit' : func(value)
}
