import type { Database, Statement } from 'better-sqlite3'
import { tagsOf } from '../sql/events/row.ts'
import type { CountedRow } from '../sql/schema.ts'

/** Maintains the index of tags; must be used in the transaction that changes the events. */
export class TagStatements {
  readonly #add: Statement
  readonly #addAll: Statement
  readonly #remove: Statement
  readonly #removeAll: Statement<[number], string>

  constructor(file: Database) {
    this.#add = file.prepare('insert into event_tags (tag, position) values (?, ?)')
    this.#addAll = file.prepare('insert into event_tags (tag, position) select ?, value from json_each(?)')
    this.#remove = file.prepare('delete from event_tags where tag = ? and position = ?')
    this.#removeAll = file
      .prepare<[number], string>('delete from event_tags where position = ? returning tag')
      .pluck()
  }

  /** A tag's events are adjacent in the index: one statement for all of them saves a tenth of the work for a batch. */
  add(tag: string, positions: readonly number[]): void {
    if (positions.length === 1) this.#add.run(tag, positions[0])
    else this.#addAll.run(tag, JSON.stringify(positions))
  }

  /** Removes an event from the index and returns its tags. */
  remove(event: Pick<CountedRow, 'position' | 'tags'>): readonly string[] {
    const tags = tagsOf(event)
    // The event's tags cannot be read, so the whole table is searched for them.
    if (tags === undefined) return this.#removeAll.all(event.position)
    for (const tag of tags) this.#remove.run(tag, event.position)
    return tags
  }
}
