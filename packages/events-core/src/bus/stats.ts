import type { EventTypeRegistry } from '../catalogue/registry.ts'
import { priorityName } from '../event/priority.ts'
import type { CallOptions, EventStorage } from '../storage/contract/storage.ts'
import type { BusStats } from './api.ts'

const RECENT = 10

/**
 * Returns statistics of the stored events. They are read from the store, so they stay right after a restart, a delete or a
 * clear.
 */
export async function readStats(
  storage: EventStorage,
  activeSubscriptions: number,
  options: CallOptions,
): Promise<BusStats> {
  const [totals, recent] = await Promise.all([
    storage.totals(options),
    storage.list({ limit: RECENT, count: 'none' }, options),
  ])
  return {
    total_events: totals.total,
    events_by_type: totals.byType,
    events_by_source: totals.bySource,
    events_by_priority: byNamedPriority(totals.byPriority),
    recent_events: recent.events,
    active_subscriptions: activeSubscriptions,
  }
}

/** Returns the known types and the 1,000 types with the most stored events, sorted. */
export async function typeNames(
  storage: EventStorage,
  registry: EventTypeRegistry,
  options: CallOptions,
): Promise<string[]> {
  const { byType } = await storage.totals(options)
  const known = registry.list().map((definition) => definition.type)
  return [...new Set([...known, ...Object.keys(byType)])].sort()
}

function byNamedPriority(byPriority: Readonly<Record<number, number>>): BusStats['events_by_priority'] {
  const counts = { low: 0, normal: 0, high: 0, critical: 0 }
  for (const [priority, count] of Object.entries(byPriority)) counts[priorityName(Number(priority))] += count
  return counts
}
