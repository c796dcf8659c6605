import { errorText } from '../describe-error.ts'
import type { EventsError } from '../errors.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import { within } from '../within.ts'
import type { BusHealth, HealthCheck, HealthStatus } from './api.ts'

/** The facts from which health is computed. */
export interface HealthFacts {
  readonly running: boolean
  readonly storage: EventStorage
  /** The error of the last write; undefined if it succeeded. */
  readonly writeFailure: EventsError | undefined
  /** The age of the oldest unfinished write; 0 if there is none. */
  readonly oldestWriteMs: number
  readonly bufferEvents: number
  readonly bufferCapacity: number
  /** Checks of the workers and subscriptions, by name; checks of the same name are joined. */
  readonly others: readonly (readonly [name: string, check: HealthCheck])[]
}

/** The time after which a store that has not answered a read or a write counts as down. */
const STORAGE_TIMEOUT_MS = 2_000
const NEARLY_FULL = 0.8
const WORST: readonly HealthStatus[] = ['down', 'degraded', 'ok']

/** Checks the store and joins the result with all other checks. Never fails. */
export async function checkHealth(facts: HealthFacts): Promise<BusHealth> {
  const { running, others } = facts
  const checks = {
    bus: running ? ok({}) : down('the bus is not running'),
    storage: running ? await checkStorage(facts) : down('the store is not open'),
    buffer: checkBuffer(facts),
    subscriptions: ok({}),
    ...joined(others),
  } satisfies Record<string, HealthCheck>
  return { status: worst(Object.values(checks)), checks }
}

/** Joins checks of the same name into one: the worst status, all details, figures added up. */
function joined(checks: HealthFacts['others']): Record<string, HealthCheck> {
  const byName = Map.groupBy(checks, ([name]) => name)
  return Object.fromEntries(
    Array.from(byName, ([name, group]) => [name, join(group.map(([, check]) => check))]),
  )
}

function join(checks: readonly HealthCheck[]): HealthCheck {
  const figures: Record<string, string | number | boolean | undefined> = {}
  for (const [figure, value] of checks.flatMap((check) => Object.entries(check))) {
    const before = figures[figure]
    figures[figure] = typeof value === 'number' && typeof before === 'number' ? before + value : value
  }
  const details = checks.map(({ detail }) => detail).filter((detail) => detail !== undefined)
  const detail = details.length === 0 ? undefined : details.join(', ')
  return { ...figures, status: worst(checks), ...(detail !== undefined && { detail }) }
}

function worst(checks: readonly HealthCheck[]): HealthStatus {
  return WORST.find((status) => checks.some((check) => check.status === status)) ?? 'ok'
}

function down(detail: string): HealthCheck {
  return { status: 'down', detail }
}

function ok(figures: Readonly<Record<string, string | number | boolean>>): HealthCheck {
  return { status: 'ok', ...figures }
}

async function checkStorage({ storage, writeFailure, oldestWriteMs }: HealthFacts): Promise<HealthCheck> {
  const name = storage.name
  if (writeFailure !== undefined) return { status: 'down', name, detail: writeFailure.message }
  if (oldestWriteMs >= STORAGE_TIMEOUT_MS)
    return {
      status: 'down',
      name,
      detail: `the store has not answered a write for ${Math.round(oldestWriteMs)} ms`,
    }
  try {
    const head = await within(STORAGE_TIMEOUT_MS, storage.head())
    if (head === undefined)
      return { status: 'down', name, detail: `no answer within ${STORAGE_TIMEOUT_MS} ms` }
    const listening = storage.isListening?.()
    const figures = { name, position: head.position, ...(listening !== undefined && { listening }) }
    if (listening !== false) return ok(figures)
    return {
      status: 'degraded',
      ...figures,
      detail: "other processes' events are seen when the store is polled only",
    }
  } catch (error) {
    return { status: 'down', name, detail: errorText(error) }
  }
}

function checkBuffer({ bufferEvents: events, bufferCapacity: capacity }: HealthFacts): HealthCheck {
  if (events < capacity * NEARLY_FULL) return ok({ events, capacity })
  return { status: 'degraded', events, capacity, detail: 'the write buffer is nearly full' }
}
