import type { Database, Statement } from 'better-sqlite3'
import type { Tally } from '../sql/counts/tally.ts'

type Counted = 'type' | 'minute' | 'hour' | 'source' | 'hourOfSource' | 'tag'

/** Updates the counts of events; must be used in the transaction that changes the events. */
export class CountStatements {
  readonly #add: Record<Counted, Statement>
  readonly #subtract: Record<Counted, Subtraction>

  constructor(file: Database) {
    this.#add = {
      type: file.prepare(`
        insert into type_counts (type, priority, count) values (?, ?, ?)
        on conflict do update set count = count + excluded.count`),
      // Positions only increase, so an existing row keeps its first one.
      minute: file.prepare(`
        insert into minute_counts (minute, type, priority, count, first_position, last_position)
        values (?, ?, ?, ?, ?, ?)
        on conflict do update set count = count + excluded.count, last_position = excluded.last_position`),
      hour: file.prepare(`
        insert into hour_counts (hour, type, priority, count) values (?, ?, ?, ?)
        on conflict do update set count = count + excluded.count`),
      source: file.prepare(`
        insert into source_counts (source, count) values (?, ?)
        on conflict do update set count = count + excluded.count`),
      hourOfSource: file.prepare(`
        insert into hour_source_counts (hour, source, count) values (?, ?, ?)
        on conflict do update set count = count + excluded.count`),
      tag: file.prepare(`
        insert into tag_counts (tag, count) values (?, ?)
        on conflict do update set count = count + excluded.count`),
    }
    this.#subtract = {
      type: subtraction(file, 'type_counts', 'type = ? and priority = ?'),
      minute: subtraction(file, 'minute_counts', 'minute = ? and type = ? and priority = ?'),
      hour: subtraction(file, 'hour_counts', 'hour = ? and type = ? and priority = ?'),
      source: subtraction(file, 'source_counts', 'source = ?'),
      hourOfSource: subtraction(file, 'hour_source_counts', 'hour = ? and source = ?'),
      tag: subtraction(file, 'tag_counts', 'tag = ?'),
    }
  }

  add(tally: Tally): void {
    for (const { minute, type, priority, count, firstPosition, lastPosition } of tally.byType) {
      this.#add.type.run(type, priority, count)
      this.#add.minute.run(minute, type, priority, count, firstPosition, lastPosition)
    }
    for (const { hour, type, priority, count } of tally.byHour)
      this.#add.hour.run(hour, type, priority, count)
    for (const { hour, source, count } of tally.bySource) {
      this.#add.source.run(source, count)
      this.#add.hourOfSource.run(hour, source, count)
    }
    for (const [tag, positions] of tally.byTag) this.#add.tag.run(tag, positions.length)
  }

  subtract(tally: Tally): void {
    for (const { minute, type, priority, count } of tally.byType) {
      take(this.#subtract.type, count, type, priority)
      take(this.#subtract.minute, count, minute, type, priority)
    }
    for (const { hour, type, priority, count } of tally.byHour) {
      take(this.#subtract.hour, count, hour, type, priority)
    }
    for (const { hour, source, count } of tally.bySource) {
      take(this.#subtract.source, count, source)
      take(this.#subtract.hourOfSource, count, hour, source)
    }
    for (const [tag, positions] of tally.byTag) take(this.#subtract.tag, positions.length, tag)
  }
}

/** Subtracts from a count, and deletes its row at zero, so that queries do not read rows of values that no longer occur. */
interface Subtraction {
  readonly reduce: Statement<unknown[], number>
  readonly drop: Statement
}

function subtraction(file: Database, table: string, key: string): Subtraction {
  return {
    reduce: file
      .prepare<unknown[], number>(`update ${table} set count = count - ? where ${key} returning count`)
      .pluck(),
    drop: file.prepare(`delete from ${table} where ${key}`),
  }
}

function take({ reduce, drop }: Subtraction, count: number, ...key: readonly (string | number)[]): void {
  if (reduce.get(count, ...key) === 0) drop.run(...key)
}
