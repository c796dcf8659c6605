import { setImmediate as turn } from 'node:timers/promises'
import { failureOf } from '../bus/durable/failure.ts'
import { partitionOf } from '../bus/durable/partition-of.ts'
import type { BusHost } from '../bus/workers/worker.ts'
import { EventsError } from '../errors.ts'
import type { StoredEvent } from '../event/event.ts'
import type { KeyedState } from '../storage/contract/keyed-state.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'
import type { Batch } from './batch.ts'
import { recordedMs } from './log-time.ts'
import type { ProcessorSettings } from './processor.ts'
import { StepCalls, type StepResult } from './step-call.ts'
import type { Timers } from './timers.ts'
import { endsWithin } from './watchdog.ts'

/** How long steps are called before other work of the process gets its turn. */
const TURN_MS = 10

/** A call did not end in time: all since the last commit is to be undone, and done again without it. */
export class StepTimeout extends Error {
  override readonly name = 'StepTimeout'
}

export interface StepRunnerOptions {
  readonly settings: ProcessorSettings
  readonly partition: PartitionKey
  readonly host: BusHost
  readonly batch: Batch
  readonly timers: Timers
}

/** The keys of events, or why they have none; undefined for those that are not for the partition. */
export type EventKeys = ReadonlyMap<StoredEvent, string | Failed | undefined>

/** Calls steps and timers, and adds what they did to the batch. What one of them throws costs its own event, or timer. */
export class StepRunner {
  readonly #options: StepRunnerOptions
  readonly #calls: StepCalls
  /** Causes that are not to be tried again, and why; null for one that did not return in time once. */
  readonly #refused: Map<string, unknown>
  #yieldedAt = performance.now()
  #errors = 0
  /** What is being called. */
  #cause = ''
  /** What was called last of all that is in the batch. */
  #lastInBatch = ''

  /** @param before the one that it replaces, whose refusals go on */
  constructor(options: StepRunnerOptions, before?: StepRunner) {
    this.#options = options
    this.#refused = before === undefined ? new Map() : before.#refused
    this.#errors = before?.errors ?? 0
    const draft: BusHost['draft'] = (input, nowMs) => options.host.draft(input, nowMs)
    this.#calls = new StepCalls({ settings: options.settings, draft })
  }

  /** Calls that failed. */
  get errors(): number {
    return this.#errors
  }

  /** Refuses the last call in the batch: what it did cannot be stored. */
  refuseLast(error: unknown): void {
    this.#refused.set(this.#lastInBatch, error)
  }

  /** Forgets what was refused: all of it is committed. */
  forgetRefused(): void {
    this.#refused.clear()
  }

  /** Returns the keys of events, of as many as there is time for. @throws StepTimeout */
  keysOf(events: readonly StoredEvent[]): EventKeys {
    const keys = new Map<StoredEvent, string | Failed | undefined>()
    const until = performance.now() + TURN_MS
    this.#watch(() => {
      for (const event of events) {
        keys.set(event, this.#keyOf(event))
        if (performance.now() > until) break
      }
    })
    return keys
  }

  /**
   * Calls the step for events, as long as no timer is due before them, there is time, and the batch takes more.
   * @param isFull asked after each event
   * @returns how many of them are done
   * @throws StepTimeout
   */
  steps(events: readonly StoredEvent[], keys: EventKeys, isFull: () => boolean): number {
    const { batch, timers } = this.#options
    const until = performance.now() + TURN_MS
    let done = 0
    this.#watch(() => {
      for (const event of events) {
        const recorded = recordedMs(event)
        if (timers.nextDue <= recorded || !timers.knows(recorded)) break
        if (done > 0 && (performance.now() > until || isFull())) break
        this.#step(event, keys.get(event))
        batch.count('event')
        done++
      }
    })
    return done
  }

  /** Calls timers that are due, likewise, while their state is at hand. @param position of the log at these timers */
  timers(untilMs: number, position: number, isFull: () => boolean): void {
    const { batch, timers } = this.#options
    const until = performance.now() + TURN_MS
    this.#watch(() => {
      do {
        const [key] = timers.next(1, untilMs)
        if (key === undefined || !batch.knows(key)) break
        this.#timer(key, batch.stateOf(key), position)
        batch.count('timer')
      } while (performance.now() < until && !isFull())
    })
  }

  /** Gives other work of the process its turn, if this one had its time. */
  async yield(): Promise<void> {
    if (performance.now() - this.#yieldedAt < TURN_MS) return
    await turn()
    this.#yieldedAt = performance.now()
  }

  /**
   * Calls work that may take its turn and one call more. A call that does not return is tried once more before it is refused:
   * the time may have passed while the whole process stood still, and that must not change what comes out.
   */
  #watch(work: () => void): void {
    const { stepTimeoutMs, name } = this.#options.settings
    if (endsWithin(TURN_MS + stepTimeoutMs, work)) return
    const message = `A call of the processor '${name}' did not return within ${stepTimeoutMs} ms`
    const isSecond = this.#refused.has(this.#cause)
    this.#refused.set(this.#cause, isSecond ? new EventsError('EVENTS_HANDLER_TIMEOUT', message) : null)
    throw new StepTimeout(message)
  }

  #keyOf(event: StoredEvent): string | Failed | undefined {
    const { settings, partition } = this.#options
    const key = this.#attempt(`k${event.position}`, () => this.#calls.keyOf(event))
    if (key === undefined || key instanceof Failed) return key
    const isOwn = settings.partitions === 1 || partitionOf(key, settings.partitions) === partition.partition
    return isOwn ? key : undefined
  }

  #step(event: StoredEvent, key: string | Failed | undefined): void {
    this.#lastInBatch = key instanceof Failed ? `k${event.position}` : `p${event.position}`
    if (key === undefined) return
    if (key instanceof Failed) {
      this.#park(event, key.error)
      return
    }
    const state = this.#options.batch.stateOf(key)
    const result = this.#attempt(`p${event.position}`, () => this.#calls.step(event, key, state))
    if (result instanceof Failed) this.#park(event, result.error)
    else this.#add(key, state, result)
  }

  #timer(key: string, state: KeyedState | undefined, position: number): void {
    const dueMs = state?.dueMs ?? null
    // A timer that is no more; the store would not have told of it.
    if (state === undefined || dueMs === null) this.#options.timers.set(key, null)
    else this.#call(state, dueMs, position)
  }

  #call(state: KeyedState, dueMs: number, position: number): void {
    const { batch, settings, host } = this.#options
    const { key } = state
    const cause = `t${dueMs} ${key}`
    this.#lastInBatch = cause
    const result = this.#attempt(cause, () => this.#calls.timer(state, dueMs, position))
    if (!(result instanceof Failed)) {
      this.#add(key, state, result)
      return
    }
    this.#count()
    const details = { err: result.error, processor: settings.name, key, due: dueMs }
    host.logger.error(details, 'A timer of a processor failed, and is dropped')
    batch.change(key, state.value === null ? undefined : { ...state, dueMs: null })
  }

  /** A call that changes nothing costs no write. */
  #add(key: string, before: KeyedState | undefined, result: StepResult): void {
    const { state, outputs } = result
    const isSame = state?.value === before?.value && state?.dueMs === before?.dueMs
    if (!isSame || outputs.length > 0) this.#options.batch.add(key, result)
  }

  #park(event: StoredEvent, error: unknown): void {
    const { batch, settings, host } = this.#options
    this.#count()
    host.logger.error(
      { err: error, processor: settings.name, event_id: event.id },
      'A step of a processor failed',
    )
    batch.fail(failureOf(settings.name, event, error, 1))
  }

  #count(): void {
    this.#errors++
    this.#options.host.metrics.handlerError(this.#options.settings.name)
  }

  #attempt<T>(cause: string, call: () => T): T | Failed {
    this.#cause = cause
    const refusal = this.#refused.get(cause)
    if (refusal != null) return new Failed(refusal)
    try {
      return call()
    } catch (error) {
      return new Failed(error)
    }
  }
}

/** What a call threw. */
class Failed {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** Returns the keys whose state is needed. */
export function stateKeys(keys: EventKeys): ReadonlySet<string> {
  return new Set(Array.from(keys.values()).filter((key) => typeof key === 'string'))
}
