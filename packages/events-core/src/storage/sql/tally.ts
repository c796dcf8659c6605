import { type CountedRow, HOUR_MS, MINUTE_MS } from './schema.ts'

export interface TypeTally {
  readonly minute: number
  readonly type: string
  readonly priority: number
  count: number
  firstPosition: number
  lastPosition: number
}

export interface SourceTally {
  readonly hour: number
  readonly source: string
  count: number
}

type TalliedRow = Pick<CountedRow, 'position' | 'type' | 'source' | 'priority' | 'timestamp'>

/** What events add to the kept counts, or take from them: one entry for each row of the finer tables. */
export class Tally {
  readonly #byType = new Map<string, TypeTally>()
  readonly #bySource = new Map<string, SourceTally>()

  add({ position, type, source, priority, timestamp }: TalliedRow): void {
    const minute = Math.floor(timestamp / MINUTE_MS)
    const typeKey = `${minute} ${priority} ${type}`
    const ofType = this.#byType.get(typeKey)
    if (ofType === undefined) {
      const tally = { minute, type, priority, count: 1, firstPosition: position, lastPosition: position }
      this.#byType.set(typeKey, tally)
    } else {
      ofType.count++
      ofType.firstPosition = Math.min(ofType.firstPosition, position)
      ofType.lastPosition = Math.max(ofType.lastPosition, position)
    }
    const hour = Math.floor(timestamp / HOUR_MS)
    const sourceKey = `${hour} ${source}`
    const ofSource = this.#bySource.get(sourceKey)
    if (ofSource === undefined) this.#bySource.set(sourceKey, { hour, source, count: 1 })
    else ofSource.count++
  }

  get byType(): Iterable<TypeTally> {
    return this.#byType.values()
  }

  get bySource(): Iterable<SourceTally> {
    return this.#bySource.values()
  }
}
