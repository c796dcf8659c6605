import type { StoredEvent } from '../../event/event.ts'
import type { EventQuery } from '../contract/storage.ts'
import { PageRoom } from '../page-room.ts'
import type { MemoryEntry, MemoryRing } from './ring.ts'

interface MemoryPage {
  readonly events: readonly StoredEvent[]
  /** True if there are events beyond the page. */
  readonly more: boolean
}

export function pageOf(
  ring: MemoryRing,
  { order = 'desc', limit, maxBytes, offset = 0, after }: EventQuery,
  matches: (entry: MemoryEntry) => boolean,
): MemoryPage {
  const step = order === 'asc' ? 1 : -1
  const events: StoredEvent[] = []
  const room = new PageRoom(limit, maxBytes)
  let skip = offset
  for (let index = firstIndex(ring, order, after); ; index += step) {
    const entry = ring.at(index)
    if (entry === undefined) return { events, more: false }
    if (!matches(entry)) continue
    if (skip > 0) skip--
    else if (room.take(entry.bytes)) events.push(entry.event)
    else return { events, more: true }
  }
}

function firstIndex(ring: MemoryRing, order: 'asc' | 'desc', after: number | undefined): number {
  if (order === 'asc') return after === undefined ? 0 : ring.indexAfter(after)
  // Positions are integers: the events below a cursor are those up to the position before it.
  return (after === undefined ? ring.size : ring.indexAfter(after - 1)) - 1
}
