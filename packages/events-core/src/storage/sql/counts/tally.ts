import { type CountedRow, HOUR_MS, MINUTE_MS } from '../schema.ts'

export interface TypeTally {
  readonly minute: number
  readonly type: string
  readonly priority: number
  count: number
  firstPosition: number
  lastPosition: number
}

export interface HourTally {
  readonly hour: number
  readonly type: string
  readonly priority: number
  count: number
}

export interface SourceTally {
  readonly hour: number
  readonly source: string
  count: number
}

interface TalliedEvent extends Pick<CountedRow, 'position' | 'type' | 'source' | 'priority' | 'timestamp'> {
  readonly tags: readonly string[]
}

/** The amounts by which events change the kept counts: one entry for each row of the finer tables. */
export class Tally {
  readonly #byType = new Map<string, TypeTally>()
  readonly #bySource = new Map<string, SourceTally>()
  readonly #byTag = new Map<string, number[]>()

  add({ position, type, source, priority, tags, timestamp }: TalliedEvent): void {
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
    this.#addTags(position, tags)
  }

  get byType(): Iterable<TypeTally> {
    return this.#byType.values()
  }

  /** The counts by type, summed by hour. */
  get byHour(): Iterable<HourTally> {
    const byHour = new Map<string, HourTally>()
    for (const { minute, type, priority, count } of this.#byType.values()) {
      const hour = Math.floor((minute * MINUTE_MS) / HOUR_MS)
      const key = `${hour} ${priority} ${type}`
      const tally = byHour.get(key)
      if (tally === undefined) byHour.set(key, { hour, type, priority, count })
      else tally.count += count
    }
    return byHour.values()
  }

  get bySource(): Iterable<SourceTally> {
    return this.#bySource.values()
  }

  /** The positions of the events of each tag, once per event, in the order in which they were added. */
  get byTag(): Iterable<readonly [tag: string, positions: readonly number[]]> {
    return this.#byTag
  }

  /** An event may carry a tag twice. Tag lists are short, so searching one is cheaper than a set. */
  #addTags(position: number, tags: readonly string[]): void {
    tags.forEach((tag, index) => {
      if (tags.indexOf(tag) !== index) return
      const positions = this.#byTag.get(tag)
      if (positions === undefined) this.#byTag.set(tag, [position])
      else positions.push(position)
    })
  }
}
