import { checkOptions, func, integer, type OptionRule, object, oneOf, text } from '../../check-options.ts'
import { type Issue, invalid } from '../../errors.ts'
import type { RetryPolicy, SubscribeOptions } from '../api.ts'
import { inCallerContext } from './caller-context.ts'

type Optional = 'orderBy' | 'onEnd'
type DurableOption = 'durable' | 'from' | 'partitions' | 'leaseMs' | 'checkpointMs'

/** Subscribe options with their defaults filled in. */
export type SubscriptionSettings = Required<Omit<SubscribeOptions, Optional | DurableOption | 'retry'>> &
  Pick<SubscribeOptions, Optional> & { readonly retry: Required<RetryPolicy> }

export type DurableSettings = SubscriptionSettings &
  Required<Pick<SubscribeOptions, Exclude<DurableOption, 'durable'>>>

/** The longest delay of Node's timers. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** URL parsers remove dot segments: `DELETE /subscriptions/..` would be another request. */
export const nameRule: OptionRule = (value) =>
  value === '.' || value === '..' ? `must not be '${value}', which URLs remove from a path` : text(128)(value)

export const startRule: OptionRule = (value) =>
  typeof value === 'number'
    ? integer(0)(value)
    : oneOf('beginning', 'now')(value)?.replace(', not', ' or a position, not')

const RULES: Readonly<Record<keyof SubscribeOptions, OptionRule>> = {
  durable: nameRule,
  from: startRule,
  partitions: integer(1, 256),
  leaseMs: integer(100, MAX_TIMER_MS),
  checkpointMs: integer(1, MAX_TIMER_MS),
  name: nameRule,
  subscriber: text(256),
  concurrency: integer(1, 10_000),
  orderBy: func,
  queueEvents: integer(1),
  onQueueFull: oneOf('drop-oldest', 'drop-newest', 'disconnect'),
  retry: object,
  handlerTimeoutMs: integer(1, MAX_TIMER_MS),
  onEnd: func,
}

const RETRY_RULES: Readonly<Record<keyof RetryPolicy, OptionRule>> = {
  attempts: integer(1, 100),
  minDelayMs: integer(0, MAX_TIMER_MS),
  maxDelayMs: integer(0, MAX_TIMER_MS),
}

/** @throws EventsError EVENTS_INVALID for an unknown option or an invalid value */
export function subscriptionSettings(options: SubscribeOptions, defaultName: string): SubscriptionSettings {
  const retry = options.retry ?? {}
  checkOptions('subscribe options', options, RULES)
  checkOptions('subscribe options: retry', retry, RETRY_RULES)
  return {
    name: options.name ?? defaultName,
    subscriber: options.subscriber ?? '',
    concurrency: options.concurrency ?? 1,
    queueEvents: options.queueEvents ?? 1_000,
    onQueueFull: options.onQueueFull ?? 'drop-oldest',
    handlerTimeoutMs: options.handlerTimeoutMs ?? 30_000,
    retry: {
      attempts: retry.attempts ?? 3,
      minDelayMs: retry.minDelayMs ?? 100,
      maxDelayMs: retry.maxDelayMs ?? 10_000,
    },
    ...(options.orderBy && { orderBy: inCallerContext(options.orderBy) }),
    ...(options.onEnd && { onEnd: inCallerContext(options.onEnd) }),
  }
}

/**
 * Returns the settings that only durable subscriptions have; `name` is the name in the store.
 * @throws EventsError EVENTS_INVALID for options that cannot be combined
 */
export function durableSettings(name: string, options: SubscribeOptions): DurableSettings {
  const settings = subscriptionSettings(options, name)
  const { partitions = 1, orderBy } = options
  const issues: Issue[] = []
  if (partitions > 1 && !orderBy)
    issues.push({ path: 'orderBy', message: 'is required with partitions: its key selects the partition' })
  if (options.onQueueFull)
    issues.push({ path: 'onQueueFull', message: 'cannot be combined with durable, which never drops events' })
  if (options.name)
    issues.push({ path: 'name', message: 'cannot be combined with durable, which is the name' })
  const [first, ...rest] = issues
  if (first !== undefined) throw invalid('subscribe options', [first, ...rest])
  const { from = 'now', leaseMs = 6_000, checkpointMs = 250 } = options
  return { ...settings, name, from, partitions, leaseMs, checkpointMs }
}

/** @throws EventsError EVENTS_INVALID for an option of durable subscriptions */
export function refuseDurableOptions(options: SubscribeOptions): void {
  const path = (['from', 'partitions', 'leaseMs', 'checkpointMs'] as const).find(
    (name) => options[name] !== undefined,
  )
  if (path !== undefined)
    throw invalid('subscribe options', [{ path, message: 'is only for durable subscriptions' }])
}
