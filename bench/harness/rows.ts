import { randomUUIDv7 } from 'node:crypto'
import { eventAt } from './events.ts'

/** An event as columns of the events table. */
export interface Row {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly target: string
  readonly title: string
  readonly message: string
  readonly data: string
  readonly priority: number
  readonly tags: readonly string[]
  readonly timestampMs: number
}

/** Returns the n-th event with what a bus would fill in, created anew: each call has its own id. */
export function rowAt(n: number, timestampMs: number = Date.now()): Row {
  const {
    type,
    source,
    target = '',
    title = '',
    message = '',
    data = {},
    priority = 5,
    tags = [],
  } = eventAt(n)
  return {
    id: randomUUIDv7(),
    type,
    source,
    target,
    title,
    message,
    data: JSON.stringify(data),
    priority,
    tags,
    timestampMs,
  }
}

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000

export interface TypeCount {
  readonly minute: number
  readonly type: string
  readonly priority: number
  count: number
  readonly first: number
  last: number
}

export type HourCount = Omit<TypeCount, 'minute' | 'first' | 'last'> & { readonly hour: number }

export interface SourceCount {
  readonly hour: number
  readonly source: string
  count: number
}

export interface Counts {
  readonly byType: readonly TypeCount[]
  readonly byHour: readonly HourCount[]
  readonly bySource: readonly SourceCount[]
  readonly byTag: readonly (readonly [tag: string, count: number])[]
}

/** Returns what rows add to the kept counts. The first row has position `first`, and so on; no row has a tag twice. */
export function countsOf(rows: readonly Row[], first: number): Counts {
  const byType = new Map<string, TypeCount>()
  const bySource = new Map<string, SourceCount>()
  const byTag = new Map<string, number>()
  rows.forEach(({ type, priority, source, tags, timestampMs }, index) => {
    const position = first + index
    const minute = Math.floor(timestampMs / MINUTE_MS)
    const typeKey = `${minute} ${priority} ${type}`
    const ofType = byType.get(typeKey)
    if (ofType === undefined)
      byType.set(typeKey, { minute, type, priority, count: 1, first: position, last: position })
    else {
      ofType.count++
      ofType.last = position
    }
    const hour = Math.floor(timestampMs / HOUR_MS)
    const ofSource = bySource.get(`${hour} ${source}`)
    if (ofSource === undefined) bySource.set(`${hour} ${source}`, { hour, source, count: 1 })
    else ofSource.count++
    for (const tag of tags) byTag.set(tag, (byTag.get(tag) ?? 0) + 1)
  })
  const byTypes = [...byType.values()]
  return { byType: byTypes, byHour: byHour(byTypes), bySource: [...bySource.values()], byTag: [...byTag] }
}

function byHour(byType: readonly TypeCount[]): HourCount[] {
  const counts = new Map<string, HourCount>()
  for (const { minute, type, priority, count } of byType) {
    const hour = Math.floor((minute * MINUTE_MS) / HOUR_MS)
    const key = `${hour} ${priority} ${type}`
    const ofHour = counts.get(key)
    if (ofHour === undefined) counts.set(key, { hour, type, priority, count })
    else ofHour.count += count
  }
  return [...counts.values()]
}
