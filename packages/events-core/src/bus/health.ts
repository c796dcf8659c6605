import { errorText } from '../describe-error.ts'
import type { EventsError } from '../errors.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import { within } from '../within.ts'
import type { BusHealth, HealthCheck, HealthStatus } from './api.ts'

/** What health is judged by. */
export interface HealthFacts {
  readonly running: boolean
  readonly storage: EventStorage
  /** Why the last write failed; undefined when it did well. */
  readonly writeFailure: EventsError | undefined
  /** How long the oldest write has been under way; 0 while there is none. */
  readonly oldestWriteMs: number
  readonly bufferEvents: number
  readonly bufferCapacity: number
  readonly subscriptions: number
  /** Names of subscriptions whose queue is full. */
  readonly overrun: readonly string[]
  /** Names of durable subscriptions that have something to handle and do not get on. */
  readonly stalled: readonly string[]
}

/** After which a store that has not answered, be it a read or a write, is down. */
const STORAGE_TIMEOUT_MS = 2_000
const NEARLY_FULL = 0.8
const WORST: readonly HealthStatus[] = ['down', 'degraded', 'ok']

export async function checkHealth(facts: HealthFacts): Promise<BusHealth> {
  const checks = {
    bus: facts.running ? ok({}) : { status: 'down', detail: 'the bus is not running' },
    storage: facts.running ? await checkStorage(facts) : { status: 'down', detail: 'the store is not open' },
    buffer: checkBuffer(facts),
    subscriptions: checkSubscriptions(facts),
  } satisfies Record<string, HealthCheck>
  const statuses: readonly HealthStatus[] = Object.values(checks).map((check) => check.status)
  return { status: WORST.find((status) => statuses.includes(status)) ?? 'ok', checks }
}

function ok(figures: Readonly<Record<string, string | number | boolean>>): HealthCheck {
  return { status: 'ok', ...figures }
}

async function checkStorage({ storage, writeFailure, oldestWriteMs }: HealthFacts): Promise<HealthCheck> {
  const name = storage.name
  if (writeFailure !== undefined) return { status: 'down', name, detail: writeFailure.message }
  if (oldestWriteMs >= STORAGE_TIMEOUT_MS)
    return { status: 'down', name, detail: `a write has had no answer for ${Math.round(oldestWriteMs)} ms` }
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

function checkSubscriptions({ subscriptions: active, overrun, stalled }: HealthFacts): HealthCheck {
  const problems = [
    ...overrun.map((name) => `the queue of '${name}' is full`),
    ...stalled.map((name) => `'${name}' is stalled`),
  ]
  return problems.length === 0 ? ok({ active }) : { status: 'degraded', active, detail: problems.join(', ') }
}
