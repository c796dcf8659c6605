import { LANES, type Lane, type OperationKey } from './lanes.ts'
import type { Operations } from './operations.ts'
import type { SqlCall } from './sql-log.ts'

/** The operations as functions that an open store calls. Those that may take long take a signal first. */
export type Calls = {
  readonly [S in keyof Operations]: {
    readonly [N in keyof Operations[S]]: N extends keyof (typeof LANES)[S]
      ? CallOf<Operations[S][N], (typeof LANES)[S][N]>
      : never
  }
}

type CallOf<Operation, L> = Operation extends (call: SqlCall, ...args: infer A) => infer Answer
  ? L extends 'search' | 'remove'
    ? (signal: AbortSignal | undefined, ...args: A) => Answer
    : (...args: A) => Answer
  : never

/** Runs an operation, on a thread or a connection of the store. */
export type Run = (
  operation: OperationKey,
  args: readonly never[],
  signal: AbortSignal | undefined,
) => Promise<unknown>

export function callsOf(run: Run): Calls {
  const sections = Object.entries(LANES).map(([section, lanes]) => [section, sectionOf(section, lanes, run)])
  // Built from the same table as `Calls`, which types the arguments and result of each operation.
  return Object.fromEntries(sections)
}

function sectionOf(section: string, lanes: Readonly<Record<string, Lane>>, run: Run) {
  return Object.fromEntries(
    Object.entries(lanes).map(([name, lane]) => [name, callOf({ section, name, lane }, run)]),
  )
}

function callOf(operation: OperationKey, run: Run) {
  return operation.lane === 'search' || operation.lane === 'remove'
    ? (signal: AbortSignal | undefined, ...args: never[]) => run(operation, args, signal)
    : (...args: never[]) => run(operation, args, undefined)
}
