import { createEventBus, type EventStorage, type StoredEvent } from '../../src/index.ts'
import { type ProcessorDefinition, processor } from '../../src/processors/index.ts'
import { seededRandom } from '../faults/seeded-random.ts'

interface Session {
  readonly events: number
  readonly ticks: number
}

/** Uses all that a processor can do, and says in each output what it knew. Some of its steps and timers throw. */
export function lawProcessor(options: Partial<ProcessorDefinition<Session>> = {}) {
  return processor<Session>('law', {
    revision: 1,
    from: 'beginning',
    filter: { types: ['law.*'] },
    key: (event) => (event.data.key === 'none' ? undefined : String(event.data.key)),
    step(event, state = { events: 0, ticks: 0 }, { now, set, setTimer, clearTimer, emit }) {
      const events = state.events + 1
      if (event.type === 'law.end') {
        emit({ type: 'out.ended', data: { ...state, now } })
        clearTimer()
        set(undefined)
        return
      }
      set({ events, ticks: 0 })
      emit({ type: 'out.step', data: { key: String(event.data.key), events, ticks: state.ticks, now } })
      if (event.data.delay !== 0) setTimer(now + Number(event.data.delay))
      if (event.data.fails === true) throw new Error('asked to')
    },
    timer(key, state, { at, set, setTimer, emit }) {
      const { events = 0, ticks = 0 } = state ?? {}
      for (const copy of [1, 2]) emit({ type: 'out.tick', data: { key, events, ticks, at, copy } })
      if (ticks === 3) set(undefined)
      else {
        set({ events, ticks: ticks + 1 })
        setTimer(at + 1 + (events % 7) * 10)
      }
      if (events % 11 === 10) throw new Error('a timer that fails')
    },
    ...options,
  })
}

export interface Input {
  /** Milliseconds after the one before. */
  readonly afterMs: number
  readonly events: readonly {
    readonly type: string
    readonly id: string
    readonly data: Record<string, string | number | boolean>
  }[]
}

/** Batches of random events: few keys, so that they meet each other's timers, often several at one time. */
export function randomInputs(seed: number, batches: number): readonly Input[] {
  const random = seededRandom(seed)
  const pick = (max: number) => Math.floor(random() * max)
  return Array.from({ length: batches }, (_, batch) => ({
    afterMs: pick(4) === 0 ? pick(200) : pick(15),
    events: Array.from({ length: 1 + pick(4) }, (_, number) => ({
      type: ['law.a', 'law.b', 'law.b', 'law.end', 'noise'][pick(5)] ?? 'law.a',
      id: `in-${seed}-${batch}-${number}`,
      data: {
        key: pick(15) === 0 ? 'none' : `k${pick(8)}`,
        delay: pick(3) === 0 ? 0 : 5 + pick(60),
        fails: pick(20) === 0,
      },
    })),
  }))
}

/** A clock that begins long ago, so that all its times are past when the log is processed. */
export class PastClock {
  #nowMs = Date.UTC(2020, 0, 1)

  /** May be replaced by another clock. */
  now = (): number => this.#nowMs

  advance(ms: number): void {
    this.#nowMs += ms
  }
}

/** Writes the inputs at their times. @param storage not open, on the clock */
export async function fill(storage: EventStorage, clock: PastClock, inputs: readonly Input[]): Promise<void> {
  const bus = createEventBus({ storage, now: clock.now })
  await bus.start()
  for (const { afterMs, events } of inputs) {
    clock.advance(afterMs)
    await bus.publishMany(events.map((event) => ({ ...event, source: 'law' })))
  }
  await bus.stop()
}

/** What must be the same however the log is processed. */
export interface Outcome {
  readonly outputs: readonly object[]
  readonly deadLetters: readonly string[]
}

export function outcomeOf(events: readonly StoredEvent[], deadLetters: readonly string[]): Outcome {
  const outputs = events.map(({ id, type, data, timestamp, causation_id }) => ({
    id,
    type,
    data,
    timestamp,
    causation_id,
  }))
  return { outputs: outputs.toSorted((a, b) => (a.id < b.id ? -1 : 1)), deadLetters: deadLetters.toSorted() }
}

/** Reads what a processor has left in an open store. */
export async function readOutcome(storage: EventStorage): Promise<Outcome> {
  const events: StoredEvent[] = []
  for (let after = 0, more = true; more; ) {
    const page = await storage.read({ after, limit: 1_000, filter: { types: ['out.*'] } })
    events.push(...page.events)
    after = page.position
    more = page.more
  }
  const { deadLetters } = await storage.deadLetters.list({ limit: 1_000 })
  return outcomeOf(
    events,
    deadLetters.map(({ event }) => event.id),
  )
}

/** Whether nothing is left to be done: all is examined, and no timer is set. */
export async function isDone(storage: EventStorage, lastInput: number): Promise<boolean> {
  const [state] = await storage.subscriptions.list('law@1')
  if (state === undefined || state.position < lastInput) return false
  return (await storage.state.nextDue({ name: 'law@1', partition: 0 })) === undefined
}
