import type { PublishedEvent } from '../../event/event.ts'
import type { EventTotals } from '../contract/storage.ts'

const MAX_TYPES = 1_000
const MAX_SOURCES = 100

/** The number of events by type, source and priority, updated with each event. */
export class EventCounts {
  #byType = new Map<string, number>()
  #bySource = new Map<string, number>()
  #byPriority = new Map<number, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  add(event: PublishedEvent): void {
    this.#change(event, 1)
  }

  remove(event: PublishedEvent): void {
    this.#change(event, -1)
  }

  copy(): EventCounts {
    const copy = new EventCounts()
    copy.#byType = new Map(this.#byType)
    copy.#bySource = new Map(this.#bySource)
    copy.#byPriority = new Map(this.#byPriority)
    copy.#total = this.#total
    return copy
  }

  totals(): EventTotals {
    return {
      total: this.#total,
      byType: most(this.#byType, MAX_TYPES),
      bySource: most(this.#bySource, MAX_SOURCES),
      byPriority: Object.fromEntries(this.#byPriority),
    }
  }

  #change(event: PublishedEvent, by: 1 | -1): void {
    this.#total += by
    count(this.#byType, event.type, by)
    count(this.#bySource, event.source, by)
    count(this.#byPriority, event.priority, by)
  }
}

/** Returns the highest counts. Does not assign properties, which would lose a type that is called __proto__. */
function most(counts: ReadonlyMap<string, number>, limit: number): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, limit))
}

/** Changes a count. A count of 0 is removed, so that the maps hold only what is in the store. */
function count<K>(counts: Map<K, number>, key: K, by: 1 | -1): void {
  const sum = (counts.get(key) ?? 0) + by
  if (sum === 0) counts.delete(key)
  else counts.set(key, sum)
}
