import { catalogueRegistry, type EventTypeRegistry } from '../catalogue/registry.ts'
import {
  abortSignal,
  checkOptions,
  func,
  integer,
  methods,
  type OptionRule,
  oneOf,
} from '../check-options.ts'
import { memoryStorage } from '../storage/memory/index.ts'
import type { EventBusOptions, PublishOptions } from './api.ts'
import { MAX_TIMER_MS } from './delivery/settings.ts'
import {
  FailureLog,
  guardedClock,
  guardedLogger,
  guardedMetrics,
  guardedPersist,
  guardedRegistry,
} from './guarded.ts'
import { silentLogger, unmeasured } from './no-ops.ts'

/** Bus options with their defaults filled in; code of the host is wrapped so that it never throws. */
export type BusSettings = Required<EventBusOptions> & {
  /** The registry as the host passed it; the bus itself asks `registry`. */
  readonly givenRegistry: EventTypeRegistry
}

const isPersistRule: OptionRule = (value) =>
  typeof value === 'function'
    ? undefined
    : oneOf('all', 'none')(value)?.replace(', not', ' or a function, not')

export const workerProblem: OptionRule = methods('start', 'stop')

function workersProblem(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'must be an array of workers'
  return value.map(workerProblem).find((problem) => problem !== undefined)
}

const RULES: Readonly<Record<keyof EventBusOptions, OptionRule>> = {
  storage: methods('open', 'append', 'read', 'watch'),
  metrics: methods('published', 'attach'),
  logger: methods('info', 'warn', 'error'),
  registry: methods('get', 'list', 'check'),
  persist: isPersistRule,
  bufferEvents: integer(1),
  bufferBytes: integer(1),
  batchEvents: integer(1, 10_000),
  publishTimeoutMs: integer(1, MAX_TIMER_MS),
  overflow: oneOf('reject', 'drop-newest', 'drop-oldest'),
  maxDataBytes: integer(2),
  maxFutureMs: integer(0),
  sweepIntervalMs: integer(1, MAX_TIMER_MS),
  pollIntervalMs: integer(10, MAX_TIMER_MS),
  now: func,
  workers: workersProblem,
}

export const PUBLISH_RULES: Readonly<Record<keyof PublishOptions, OptionRule>> = {
  signal: abortSignal,
  timeoutMs: integer(1, MAX_TIMER_MS),
}

/** @throws EventsError EVENTS_INVALID for an unknown option or an invalid value */
export function busSettings(options: EventBusOptions): BusSettings {
  checkOptions('createEventBus options', options, RULES)
  const logger = guardedLogger(options.logger ?? silentLogger)
  const failures = new FailureLog(logger)
  const givenRegistry = options.registry ?? catalogueRegistry()
  const now = guardedClock(options.now ?? Date.now, failures)
  return {
    storage: options.storage ?? memoryStorage({ now }),
    metrics: guardedMetrics(options.metrics ?? unmeasured, failures),
    logger,
    registry: guardedRegistry(givenRegistry, failures),
    givenRegistry,
    persist: guardedPersist(options.persist ?? 'all', failures),
    bufferEvents: options.bufferEvents ?? 10_000,
    bufferBytes: options.bufferBytes ?? 64 * 1_048_576,
    batchEvents: options.batchEvents ?? 1_000,
    publishTimeoutMs: options.publishTimeoutMs ?? 5_000,
    overflow: options.overflow ?? 'reject',
    maxDataBytes: options.maxDataBytes ?? 262_144,
    maxFutureMs: options.maxFutureMs ?? 300_000,
    sweepIntervalMs: options.sweepIntervalMs ?? 30_000,
    pollIntervalMs: options.pollIntervalMs ?? 1_000,
    now,
    workers: options.workers ?? [],
  }
}
