import type { EventStorage, StoredEvent } from '../../src/index.ts'
import { processor } from '../../src/processors/index.ts'

interface Run {
  readonly count: number
  readonly sum: number
}

export const KEYS = 16
const QUIET_MS = 300
const PARTITIONS = 3
const NAME = 'runs'

/**
 * Events of one key that follow each other within `QUIET_MS` are a run; the processor publishes an output for each event
 * and for the end of each run.
 */
export function soakProcessor() {
  return processor<Run>(NAME, {
    revision: 1,
    from: 'beginning',
    filter: { types: ['soak.event'] },
    partitions: PARTITIONS,
    leaseMs: 1_000,
    key: ({ data }) => String(data.key),
    step({ position }, { count, sum } = { count: 0, sum: 0 }, { now, set, setTimer, emit }) {
      const run = { count: count + 1, sum: sum + position }
      set(run)
      setTimer(now + QUIET_MS)
      emit({ type: 'soak.step', data: { position, ...run } })
    },
    timer(key, run, { at, set, emit }) {
      set(undefined)
      emit({ type: 'soak.run', data: { key, at, ...run } })
    },
  })
}

/** Returns the outputs that the log demands of the processor, computed from its events alone. */
function demandedBy(events: readonly StoredEvent[]): readonly string[] {
  const demanded: string[] = []
  const runs = new Map<string, Run & { readonly due: number }>()
  const end = (key: string) => {
    const { due: at, count = 0, sum = 0 } = runs.get(key) ?? {}
    demanded.push(line('soak.run', { key, at, count, sum }))
    runs.delete(key)
  }
  for (const { type, data, position, recorded_at } of events) {
    if (type !== 'soak.event') continue
    const key = String(data.key)
    const now = Date.parse(recorded_at)
    if ((runs.get(key)?.due ?? Number.POSITIVE_INFINITY) <= now) end(key)
    const { count = 0, sum = 0 } = runs.get(key) ?? {}
    const run = { count: count + 1, sum: sum + position }
    demanded.push(line('soak.step', { position, ...run }))
    runs.set(key, { ...run, due: now + QUIET_MS })
  }
  for (const key of runs.keys()) end(key)
  return demanded
}

interface ProcessorVerdict {
  readonly outputs: number
  /** Outputs that the log demands but lacks. */
  readonly lostOutputs: readonly string[]
  /** Outputs that the log does not demand or contains more than once. */
  readonly extraOutputs: readonly string[]
}

/** Compares the processor's outputs with those that the log demands. */
export function judgeProcessor(events: readonly StoredEvent[]): ProcessorVerdict {
  const outputs = events.filter(({ type }) => type === 'soak.step' || type === 'soak.run')
  const left = Map.groupBy(
    outputs.map(({ type, data }) => line(type, data)),
    (output) => output,
  )
  const lostOutputs = demandedBy(events).filter((output) => left.get(output)?.pop() === undefined)
  return { outputs: outputs.length, lostOutputs, extraOutputs: [...left.values()].flat() }
}

/** Returns whether all events up to a position are processed and all runs have ended. */
export async function isProcessed(storage: EventStorage, position: number): Promise<boolean> {
  const states = await storage.subscriptions.list(`${NAME}@1`)
  const timers = await Promise.all(states.map((partition) => storage.state.nextDue(partition)))
  return (
    states.length > 0 &&
    states.every((state) => state.position >= position) &&
    timers.every((due) => due === undefined)
  )
}

function line(type: string, data: object): string {
  return `${type} ${JSON.stringify(Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`
}
