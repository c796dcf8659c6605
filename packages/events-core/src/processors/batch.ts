import type { EventDraft } from '../bus/publish/draft.ts'
import type { Changes } from '../storage/contract/commit.ts'
import type { Failure } from '../storage/contract/dead-letters.ts'
import type { KeyedState, StateSize } from '../storage/contract/keyed-state.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'
import type { StateCache } from './state-cache.ts'
import type { StepResult } from './step-call.ts'
import type { Timers } from './timers.ts'

interface StateChange {
  readonly before: KeyedState | undefined
  readonly after: KeyedState | undefined
}

/** Outputs wait in memory until the commit, and are written in one statement. */
const MAX_OUTPUTS = 1_000
/** Publishers wait while a commit stores outputs, so its size follows from its duration. */
const OUTPUTS_MS = 20
const FIRST_OUTPUTS = 100
/** With fewer, most of a commit would be round trips. */
const MIN_OUTPUTS = 50
/** The factor by which the size changes from one commit to the next, at most. */
const MAX_CHANGE = 2
const MAX_BYTES = 4 * 2 ** 20

/** What was done since the last commit. Nothing of it is in the cache; all of its timers are in `Timers`. */
export class Batch {
  readonly #cache: StateCache
  readonly #timers: Timers
  readonly #changes = new Map<string, StateChange>()
  readonly #failures: Failure[] = []
  #outputs: EventDraft[] = []
  #maxOutputs = FIRST_OUTPUTS
  #bytes = 0
  #events = 0
  #calls = 0
  #beganAt: number | undefined

  constructor(cache: StateCache, timers: Timers) {
    this.#cache = cache
    this.#timers = timers
  }

  /** Whether nothing was done that is to be stored, beside the position. */
  get isEmpty(): boolean {
    return this.#changes.size === 0 && this.#outputs.length === 0 && this.#failures.length === 0
  }

  get hasOutputs(): boolean {
    return this.#outputs.length > 0
  }

  /** Events and timers that were handled. */
  get calls(): number {
    return this.#calls
  }

  get events(): number {
    return this.#events
  }

  get outputs(): readonly EventDraft[] {
    return this.#outputs
  }

  get isLarge(): boolean {
    return this.#outputs.length >= this.#maxOutputs || this.#bytes >= MAX_BYTES
  }

  /** How long ago the first thing in it was done; 0 when there is nothing. */
  get ageMs(): number {
    return this.#beganAt === undefined ? 0 : performance.now() - this.#beganAt
  }

  /** Whether the state of a key is at hand. */
  knows(key: string): boolean {
    return this.#changes.has(key) || this.#cache.knows(key)
  }

  isChanged(key: string): boolean {
    return this.#changes.has(key)
  }

  stateOf(key: string): KeyedState | undefined {
    const change = this.#changes.get(key)
    return change === undefined ? this.#cache.get(key) : change.after
  }

  /** Notes that an event was handled, with or without effect. */
  count(kind: 'event' | 'timer'): void {
    this.#calls++
    if (kind === 'event') this.#events++
    this.#beganAt ??= performance.now()
  }

  add(key: string, { state, outputs }: StepResult): void {
    this.change(key, state)
    if (outputs.length === 0) return
    this.#outputs.push(...outputs)
    for (const output of outputs) this.#bytes += output.bytes
  }

  fail(failure: Failure): void {
    this.#failures.push(failure)
    this.#bytes += failure.error.length + (failure.stack?.length ?? 0)
  }

  /** @param committed what the store has, where the cache does not know it */
  change(key: string, after: KeyedState | undefined, committed?: KeyedState): void {
    const known = this.#changes.get(key)
    const before = known === undefined ? (this.#cache.get(key) ?? committed) : known.before
    if (before === undefined && after === undefined) this.#changes.delete(key)
    else this.#changes.set(key, { before, after })
    this.#bytes += after?.value?.length ?? 0
    this.#timers.set(key, after?.dueMs ?? null)
  }

  /** What is to be committed. */
  content(partition: PartitionKey): Pick<Changes, 'failures' | 'state' | 'append'> {
    const put: KeyedState[] = []
    const deleted: string[] = []
    for (const [key, { after }] of this.#changes) {
      if (after === undefined) deleted.push(key)
      else put.push(after)
    }
    return {
      ...(this.#failures.length > 0 && { failures: [...this.#failures] }),
      ...(this.#changes.size > 0 && { state: { ...partition, put, delete: deleted } }),
      ...(this.#outputs.length > 0 && { append: this.#outputs }),
    }
  }

  /**
   * Moves what was committed to the cache, and starts anew.
   * @param commitMs how long the commit took
   * @returns by how much the state has grown
   */
  committed(commitMs: number): StateSize {
    this.#adapt(commitMs)
    let keys = 0
    let bytes = 0
    for (const [key, { before, after }] of this.#changes) {
      this.#cache.put(key, after)
      keys += Number(after !== undefined) - Number(before !== undefined)
      bytes += sizeOf(after) - sizeOf(before)
    }
    this.#cache.trim()
    this.#clear()
    return { keys, bytes }
  }

  #adapt(commitMs: number): void {
    const { length } = this.#outputs
    const change = Math.min(MAX_CHANGE, Math.max(1 / MAX_CHANGE, OUTPUTS_MS / commitMs))
    // A commit of few outputs does not show how long one of many would take.
    if (length === 0 || (change > 1 && length < this.#maxOutputs)) return
    this.#maxOutputs = Math.min(MAX_OUTPUTS, Math.max(MIN_OUTPUTS, Math.ceil(this.#maxOutputs * change)))
  }

  #clear(): void {
    this.#changes.clear()
    this.#failures.length = 0
    // Not emptied: what was committed may still be on its way to subscribers.
    this.#outputs = []
    this.#bytes = 0
    this.#events = 0
    this.#calls = 0
    this.#beganAt = undefined
  }
}

/** Of key and value, UTF-8. */
export function sizeOf(state: KeyedState | undefined): number {
  if (state === undefined) return 0
  return Buffer.byteLength(state.key) + (state.value === null ? 0 : Buffer.byteLength(state.value))
}
