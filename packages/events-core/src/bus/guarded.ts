import type { EventTypeRegistry } from '../catalogue/registry.ts'
import { integer } from '../check-options.ts'
import { describeError } from '../describe-error.ts'
import type { Issue } from '../errors.ts'
import type { PublishedEvent } from '../event/event.ts'
import type { EventMetrics } from '../metrics/metrics.ts'
import type { EventBusOptions, Logger } from './api.ts'
import { silentLogger, unmeasured } from './no-ops.ts'

/*
 * The functions that a host passes to a bus may throw, reject, or return anything. They are wrapped once, here, so that no
 * caller has to expect that.
 */

type Persist = Required<EventBusOptions>['persist']
type Failed = (error: unknown) => undefined

/** A function that fails for every event must not fill the log. */
const REPORT_EVERY_MS = 5_000
/** The largest time that a `Date` can hold, in milliseconds from 1970 on. */
const MAX_TIME_MS = 8.64e15

/**
 * Returns a version of the function that never throws. `failed` gets the error that it throws or rejects with; if it
 * throws, the result of `failed` is returned.
 */
export function guarded<A extends readonly unknown[], R, F = undefined>(
  call: (...args: A) => R,
  failed: (error: unknown) => F,
): (...args: A) => R | F {
  return (...args) => {
    try {
      const result = call(...args)
      // A function that should return nothing, or a plain value, may still be async.
      if (isThenable(result)) Promise.resolve(result).catch(failed)
      return result
    } catch (error) {
      return failed(error)
    }
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/**
 * Returns a logger that never throws. If the logger cannot write an error, whose getters may throw, it gets a description
 * of the error instead. If that fails too, the line is lost: there is nowhere left to report it.
 */
export function guardedLogger(logger: Logger): Logger {
  if (logger === silentLogger) return logger
  const lost = () => undefined
  const level = (name: keyof Logger) => {
    const write = (details: object, message: string) => logger[name](details, message)
    const writeAgain = guarded(write, lost)
    return (details: object, message: string): void => {
      const describe = () => {
        if ('err' in details) writeAgain({ ...details, err: describeError(details.err) }, message)
      }
      guarded(write, describe)(details, message)
    }
  }
  return { info: level('info'), warn: level('warn'), error: level('error') }
}

/** Logs failures of the host's functions, repeating a message only after `REPORT_EVERY_MS`. */
export class FailureLog {
  readonly #logger: Logger
  readonly #quietUntil = new Map<string, number>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Returns a function that logs an error with this message. */
  of(message: string): Failed {
    return (error) => {
      const now = performance.now()
      if (now < (this.#quietUntil.get(message) ?? 0)) return undefined
      this.#quietUntil.set(message, now + REPORT_EVERY_MS)
      this.#logger.error({ err: error }, message)
      return undefined
    }
  }
}

/** Returns metrics that never throw; a figure that cannot be measured is not counted. */
export function guardedMetrics(metrics: EventMetrics, failures: FailureLog): EventMetrics {
  // Callers compare with `unmeasured` to learn whether anything is measured at all.
  if (metrics === unmeasured) return metrics
  const failed = failures.of('Metrics failed; some figures are missing')
  const guard = <A extends readonly unknown[]>(measure: (...args: A) => void) => guarded(measure, failed)
  const attach = guarded((gauges: Parameters<EventMetrics['attach']>[0]) => metrics.attach(gauges), failed)
  return {
    published: guard((type, priority) => metrics.published(type, priority)),
    delivered: guard((subscription, events) => metrics.delivered(subscription, events)),
    dropped: guard((reason, count) => metrics.dropped(reason, count)),
    handlerError: guard((subscription) => metrics.handlerError(subscription)),
    missed: guard((subscription, positions) => metrics.missed(subscription, positions)),
    handlerDuration: guard((subscription, seconds) => metrics.handlerDuration(subscription, seconds)),
    publishDuration: guard((seconds) => metrics.publishDuration(seconds)),
    batchSize: guard((events) => metrics.batchSize(events)),
    storageOperation: guard((operation, seconds) => metrics.storageOperation(operation, seconds)),
    storageError: guard((operation) => metrics.storageError(operation)),
    payloadMismatch: guard((type) => metrics.payloadMismatch(type)),
    attach: (gauges) => guarded(attach(gauges) ?? nothing, failed),
    forgetSubscription: guard((subscription) => metrics.forgetSubscription(subscription)),
  }
}

const nothing = (): void => undefined

/** Returns a clock that never throws: if it fails or returns no valid time, the system's time is returned. */
export function guardedClock(now: () => number, failures: FailureLog): () => number {
  if (now === Date.now) return now
  const failed = failures.of('The clock of the bus failed; using the system time instead')
  const read = guarded(now, failed)
  return () => {
    const nowMs: unknown = read()
    if (typeof nowMs === 'number' && Math.abs(nowMs) <= MAX_TIME_MS) return nowMs
    if (nowMs !== undefined) failed(new TypeError('now() must return milliseconds since 1970'))
    return Date.now()
  }
}

/** Returns a registry whose methods never throw: a type whose lookup fails counts as unknown. */
export function guardedRegistry(registry: EventTypeRegistry, failures: FailureLog): EventTypeRegistry {
  const failed = failures.of('The registry of event types failed; the type counts as unknown')
  const get = (type: string) => {
    const definition = registry.get(type)
    // An event takes its default priority from the definition.
    if (definition !== undefined && problemOfPriority(definition.priority) !== undefined)
      throw new TypeError(`The registry's priority of '${type}' ${problemOfPriority(definition.priority)}`)
    return definition
  }
  const check: EventTypeRegistry['check'] = (type, data) => {
    const issues = registry.check(type, data)
    return issues.length === 0 ? NO_ISSUES : [...issues]
  }
  return {
    get: guarded(get, failed),
    list: guarded(
      () => [...registry.list()],
      (error) => failed(error) ?? [],
    ),
    check: guarded(check, (error) => failed(error) ?? NO_ISSUES),
    register: (definition) => registry.register(definition),
  }
}

const NO_ISSUES: readonly Issue[] = []
const problemOfPriority = integer(0, 100)

/** Returns a `persist` function that never throws and gets a copy of the event. If it fails, the event is stored. */
export function guardedPersist(persist: Persist, failures: FailureLog): Persist {
  if (typeof persist !== 'function') return persist
  const failed = failures.of('persist failed; storing the event')
  const decide = guarded<[PublishedEvent], unknown, true>(persist, (error) => failed(error) ?? true)
  return (event) => {
    const answer = decide(Object.freeze({ ...event }))
    if (isThenable(answer)) failed(new TypeError('persist must return a boolean, not a promise'))
    return Boolean(answer)
  }
}
