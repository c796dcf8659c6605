import type { EventStorage, StoredEvent } from '../../src/index.ts'
import type { Handled, WorkerReport } from './fleet.ts'

export interface Verdict {
  readonly stored: number
  readonly acknowledged: number
  /** Acknowledged events that the store lacks or has at another position. */
  readonly lost: readonly string[]
  /** The number of ids that the store has more than once. */
  readonly doubled: number
  /** Positions that are missing, or that two events have. */
  readonly holes: readonly number[]
  /** Places where a live follower saw positions that are not consecutive. */
  readonly outOfOrder: readonly string[]
  /** Stored events that no process handled. */
  readonly unhandled: readonly string[]
  /** The number of repeated handler calls, in any process. */
  readonly repeated: number
  /** The largest distance of a handled position below one that was handled before. */
  readonly furthestBack: number
}

/** Compares the workers' records with the store. */
export async function judge(storage: EventStorage, reports: readonly WorkerReport[]): Promise<Verdict> {
  const events = await allEvents(storage)
  const positions = new Map(events.map((event) => [event.id, event.position]))
  const acknowledged = reports.flatMap((report) => [...report.acknowledged])
  const handled = reports.flatMap((report) => report.handled)
  const handledIds = new Set(handled.map((one) => one.id))
  return {
    stored: events.length,
    acknowledged: acknowledged.length,
    lost: acknowledged.filter(([id, position]) => positions.get(id) !== position).map(([id]) => id),
    doubled: events.length - positions.size,
    holes: events.flatMap((event, index) => (event.position === index + 1 ? [] : [event.position])),
    outOfOrder: reports.flatMap(breaks),
    unhandled: events.filter((event) => !handledIds.has(event.id)).map((event) => event.id),
    repeated: handled.length - handledIds.size,
    furthestBack: furthestBack(handled),
  }
}

/** Returns the whole log. */
export async function allEvents(storage: EventStorage): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after = 0; ; ) {
    const page = await storage.read({ after, limit: 5_000 })
    events.push(...page.events)
    if (page.events.length < 5_000) return events
    after = page.position
  }
}

function breaks({ name, tail }: WorkerReport): string[] {
  return tail.flatMap((position, index) => {
    const before = tail[index - 1]
    return before === undefined || position === before + 1 ? [] : [`${name}: ${position} after ${before}`]
  })
}

function furthestBack(handled: readonly Handled[]): number {
  let furthest = 0
  let back = 0
  for (const { position } of handled.toSorted((a, b) => a.at - b.at)) {
    back = Math.max(back, furthest - position)
    furthest = Math.max(furthest, position)
  }
  return back
}
