import Database from 'better-sqlite3'
import { countsOf, MINUTE_MS, type Row } from './rows.ts'

/**
 * The limit of SQLite: a batch's rows go into a store's own tables by prepared statements, in one transaction, in
 * this thread, with all indexes and counts. No checks, no duplicates, no worker thread, no bus.
 */
export class RawSqlite {
  readonly append: (rows: readonly Row[], recordedAtMs?: number) => void
  readonly #file: Database.Database
  #position: number

  /** @param path of an existing store that nobody else has open */
  constructor(path: string) {
    const file = new Database(path)
    file.pragma('synchronous = full')
    file.pragma('cache_size = -8000')
    this.#file = file
    this.#position = Number(file.prepare('select position from log_head').pluck().get())
    const write = this.#writer()
    this.append = (rows, recordedAtMs = Date.now()) => write(rows, recordedAtMs)
  }

  /** Inserts one row in the simplest way: into the events table with its indexes, committed by itself. */
  insertOne(): (row: Row) => void {
    const insert = this.#insert()
    return (row) => void insert.run(...this.#valuesOf(row, ++this.#position, row.timestampMs))
  }

  /** Runs a statement as a user without kept counts would. */
  query(sql: string): readonly unknown[] {
    return this.#file.prepare(sql).all()
  }

  /** Drops durability until the end of `work` and creates the indexes after it: nobody needs an unfinished file. */
  fill(work: () => void): void {
    const file = this.#file
    for (const pragma of ['journal_mode = off', 'synchronous = off', 'cache_size = -256000'])
      file.pragma(pragma)
    const indexes = file
      .prepare<[], { name: string; sql: string }>(
        "select name, sql from sqlite_schema where type = 'index' and name like 'events_by_%'",
      )
      .all()
    for (const { name } of indexes) file.exec(`drop index ${name}`)
    work()
    for (const { sql } of indexes) file.exec(sql)
    file.pragma('journal_mode = wal')
  }

  close(): void {
    this.#file.close()
  }

  #insert(): Database.Statement<unknown[]> {
    return this.#file.prepare(`
      insert into events (
        position, id, type, source, target, title, message, data, priority, tags, timestamp, recorded_at
      ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  }

  #valuesOf(row: Row, position: number, recordedAtMs: number): unknown[] {
    const { id, type, source, target, title, message, data, priority, tags, timestampMs } = row
    const texts = [id, type, source, target, title, message, data]
    return [position, ...texts, priority, JSON.stringify(tags), timestampMs, recordedAtMs]
  }

  #writer(): (rows: readonly Row[], recordedAtMs: number) => void {
    const insert = this.#insert()
    const tag = this.#file.prepare('insert into event_tags (tag, position) values (?, ?)')
    const head = this.#file.prepare('update log_head set position = ?')
    const count = this.#counter()
    return this.#file.transaction((rows: readonly Row[], recordedAtMs: number) => {
      const first = this.#position + 1
      for (const row of rows) {
        const position = ++this.#position
        insert.run(this.#valuesOf(row, position, recordedAtMs))
        for (const name of row.tags) tag.run(name, position)
      }
      head.run(this.#position)
      count(rows, first, recordedAtMs)
    }).immediate
  }

  #counter(): (rows: readonly Row[], first: number, recordedAtMs: number) => void {
    const file = this.#file
    const type = file.prepare(`
      insert into type_counts (type, priority, count) values (?, ?, ?)
      on conflict do update set count = count + excluded.count`)
    const minute = file.prepare(`
      insert into minute_counts (minute, type, priority, count, first_position, last_position)
      values (?, ?, ?, ?, ?, ?)
      on conflict do update set count = count + excluded.count, last_position = excluded.last_position`)
    const source = file.prepare(`
      insert into source_counts (source, count) values (?, ?)
      on conflict do update set count = count + excluded.count`)
    const typeAndHour = file.prepare(`
      insert into hour_counts (hour, type, priority, count) values (?, ?, ?, ?)
      on conflict do update set count = count + excluded.count`)
    const tag = file.prepare(`
      insert into tag_counts (tag, count) values (?, ?)
      on conflict do update set count = count + excluded.count`)
    const hour = file.prepare(`
      insert into hour_source_counts (hour, source, count) values (?, ?, ?)
      on conflict do update set count = count + excluded.count`)
    const recorded = file.prepare(`
      insert into recorded_minutes (minute, first_position, last_position) values (?, ?, ?)
      on conflict do update set last_position = excluded.last_position`)
    return (rows, first, recordedAtMs) => {
      const { byType, byHour, bySource, byTag } = countsOf(rows, first)
      for (const of of byType) {
        type.run(of.type, of.priority, of.count)
        minute.run(of.minute, of.type, of.priority, of.count, of.first, of.last)
      }
      for (const of of byHour) typeAndHour.run(of.hour, of.type, of.priority, of.count)
      for (const [name, count] of byTag) tag.run(name, count)
      for (const of of bySource) {
        source.run(of.source, of.count)
        hour.run(of.hour, of.source, of.count)
      }
      recorded.run(Math.floor(recordedAtMs / MINUTE_MS), first, this.#position)
    }
  }
}
