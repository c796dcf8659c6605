import { hash } from 'node:crypto'
import { isThenable } from '../bus/guarded.ts'
import type { EventDraft } from '../bus/publish/draft.ts'
import { integer } from '../check-options.ts'
import { EventsError, type Issue, invalid } from '../errors.ts'
import type { EventInput, StoredEvent } from '../event/event.ts'
import { copyJsonValue } from '../event/json.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { KeyedState } from '../storage/contract/keyed-state.ts'
import { STORAGE_LIMITS } from '../storage/limits.ts'
import { recordedMs } from './log-time.ts'
import type { Output, ProcessorSettings, TimerContext } from './processor.ts'

/** The effects of a call that has returned. */
export interface StepResult {
  /** The key's state from now on; undefined if it has none. */
  readonly state: KeyedState | undefined
  readonly outputs: readonly EventDraft[]
}

export interface StepCallsOptions {
  readonly settings: ProcessorSettings
  /** Checks an event and fills in its defaults. */
  readonly draft: (input: EventInput, nowMs: number) => EventDraft
}

/** A call under way. */
interface Call {
  readonly key: string
  /** What the ids of outputs are made of, beside the key: a position, or a time. */
  readonly cause: string
  readonly now: number
  /** The event; undefined for a timer. */
  readonly event: StoredEvent | undefined
  value: string | null
  dueMs: number | null
  readonly outputs: EventDraft[]
  outputBytes: number
}

const MAX_OUTPUTS = 1_000
const MAX_OUTPUT_BYTES = 16 * 2 ** 20
const MAX_TIME_MS = 8.64e15

/** Calls the code of a processor, and collects what it does. What it throws is for the caller. */
export class StepCalls {
  readonly #options: StepCallsOptions
  readonly #context: TimerContext<unknown>
  #call: Call | undefined

  constructor(options: StepCallsOptions) {
    this.#options = options
    // One for all calls: it does nothing while no call is under way.
    const current = () => this.#current()
    this.#context = Object.freeze({
      get now() {
        return current().now
      },
      get at() {
        return current().now
      },
      set: (state: unknown) => this.#set(state),
      setTimer: (atMs: number) => this.#setTimer(atMs),
      clearTimer: () => {
        this.#current().dueMs = null
      },
      emit: (output: Output) => this.#emit(output),
    })
  }

  /** Returns the key of an event; undefined when it is not for the processor. @throws what `key` throws; TypeError */
  keyOf(event: StoredEvent): string | undefined {
    const key: unknown = this.#options.settings.key(event)
    if (key === undefined) return undefined
    const isKey = typeof key === 'string' && key.length <= STORAGE_LIMITS.keyLength
    if (isKey && key.isWellFormed() && !key.includes('\0')) return key
    if (isThenable(key)) Promise.resolve(key).catch(() => undefined)
    throw new TypeError('key must return a string of at most 256 characters without U+0000, or undefined')
  }

  /** Calls `step`. @throws what it throws; TypeError when it returns a promise */
  step(event: StoredEvent, key: string, state: KeyedState | undefined): StepResult {
    const { settings } = this.#options
    const call = newCall(key, `p${event.position}`, recordedMs(event), state, event)
    this.#run(call, () => settings.step(event, parsedValue(state), this.#context))
    return { state: stateAfter(call, event.position), outputs: call.outputs }
  }

  /** Calls `timer`. Its timer is done with, unless it sets another. @throws what it throws; TypeError when it returns a promise */
  timer(state: KeyedState, atMs: number, position: number): StepResult {
    const { settings } = this.#options
    const call = newCall(state.key, `t${atMs}`, atMs, state, undefined)
    call.dueMs = null
    this.#run(call, () => settings.timer?.(state.key, parsedValue(state), this.#context))
    return { state: stateAfter(call, position), outputs: call.outputs }
  }

  #run(call: Call, work: () => unknown): void {
    this.#call = call
    try {
      const result = work()
      if (!isThenable(result)) return
      Promise.resolve(result).catch(() => undefined)
      throw new TypeError('step and timer must be synchronous: they must not return a promise')
    } finally {
      this.#call = undefined
    }
  }

  #current(): Call {
    if (this.#call === undefined)
      throw new EventsError('EVENTS_INVALID', 'The step has returned: nothing that it does later counts')
    return this.#call
  }

  #set(state: unknown): void {
    const call = this.#current()
    if (state === undefined) {
      call.value = null
      return
    }
    const issues: Issue[] = []
    const copy = copyJsonValue(state, 'state', issues)
    throwIssues('state', issues)
    const value = JSON.stringify(copy)
    const bytes = Buffer.byteLength(value)
    const { valueBytes } = STORAGE_LIMITS
    if (bytes > valueBytes)
      throwIssues('state', [
        { path: 'state', message: `must be at most ${valueBytes} bytes as JSON, not ${bytes}` },
      ])
    call.value = value
  }

  #setTimer(atMs: number): void {
    const call = this.#current()
    const problem = integer(call.now + 1, MAX_TIME_MS)(atMs)
    if (problem !== undefined)
      throwIssues('timer', [{ path: 'atMs', message: `${problem}: now is ${call.now}` }])
    call.dueMs = atMs
  }

  #emit(output: Output): void {
    const call = this.#current()
    const { settings, draft } = this.#options
    if (call.outputs.length >= MAX_OUTPUTS)
      throwIssues('output', [{ path: '', message: `must be at most ${MAX_OUTPUTS} from one call` }])
    const input: EventInput = {
      source: settings.source,
      timestamp: formatTimestamp(call.now),
      ...(call.event !== undefined && { causation_id: call.event.id }),
      ...output,
      id: outputId([settings.name, call.key, call.cause, call.outputs.length]),
    }
    const drafted = draft(input, call.now)
    call.outputBytes += drafted.bytes
    if (call.outputBytes > MAX_OUTPUT_BYTES)
      throwIssues('output', [
        { path: '', message: `must be at most ${MAX_OUTPUT_BYTES} bytes from one call` },
      ])
    call.outputs.push(drafted)
  }
}

function newCall(
  key: string,
  cause: string,
  now: number,
  state: KeyedState | undefined,
  event: StoredEvent | undefined,
): Call {
  return {
    key,
    cause,
    now,
    event,
    value: state?.value ?? null,
    dueMs: state?.dueMs ?? null,
    outputs: [],
    outputBytes: 0,
  }
}

/** Parsed anew for each call, so that what a step does to it without `set` is lost. */
function parsedValue(state: KeyedState | undefined): unknown {
  return state === undefined || state.value === null ? undefined : JSON.parse(state.value)
}

function stateAfter({ key, value, dueMs }: Call, touched: number): KeyedState | undefined {
  return value === null && dueMs === null ? undefined : { key, value, dueMs, touched }
}

/** The same for the same cause, whenever and by whichever process it is handled. */
function outputId(parts: readonly (string | number)[]): string {
  const digits = hash('sha256', JSON.stringify(parts), 'hex')
  // UUIDv8 (RFC 9562, section 5.8): a hash that says so.
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`
}

function throwIssues(subject: string, issues: readonly Issue[]): void {
  const [first, ...rest] = issues
  if (first !== undefined) throw invalid(subject, [first, ...rest])
}
