import { randomUUID } from 'node:crypto'
import { EventsError } from '../../errors.ts'
import type { StoredEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type {
  AppendResult,
  CallOptions,
  EventPage,
  EventQuery,
  EventRecord,
  EventStorage,
  EventTotals,
  LogHead,
  ReadQuery,
  ReadResult,
  TrimPolicy,
} from '../contract/storage.ts'
import { countTotals } from '../sql/counts/totals.ts'
import { clearEvents } from '../sql/events/clear.ts'
import { deleteEvent } from '../sql/events/delete.ts'
import { deleteMatching } from '../sql/events/delete-matching.ts'
import { getEvent } from '../sql/events/get.ts'
import { readHead } from '../sql/events/head.ts'
import { readEvents } from '../sql/events/read.ts'
import { sweepExpired } from '../sql/events/sweep.ts'
import { trimEvents } from '../sql/events/trim.ts'
import { countEvents } from '../sql/search/count.ts'
import { listEvents } from '../sql/search/list.ts'
import { Turns } from '../turns.ts'
import { PostgresDeadLetters } from './dead-letters.ts'
import { LogDatabase } from './log-database.ts'
import type { PostgresSettings } from './settings.ts'
import { PostgresSubscriptions } from './subscriptions.ts'
import { Listener } from './watch.ts'

/** The store as its user sees it. */
export class PostgresStorage implements EventStorage {
  readonly name = 'postgres'
  readonly persistent = true
  readonly subscriptions: PostgresSubscriptions
  readonly deadLetters: PostgresDeadLetters
  readonly #settings: PostgresSettings
  readonly #now: () => number
  /** Tells this store's notifications from those of others. */
  readonly #origin = randomUUID()
  readonly #listeners = new Set<Listener>()
  /** Opening and closing, one at a time. */
  readonly #changes = new Turns()
  #opened: LogDatabase | undefined

  constructor(settings: PostgresSettings, now: () => number) {
    this.#settings = settings
    this.#now = now
    this.subscriptions = new PostgresSubscriptions(() => this.#database, now)
    this.deadLetters = new PostgresDeadLetters(() => this.#database, now)
  }

  open(): Promise<void> {
    return this.#changes.take(async () => {
      this.#opened ??= await this.#start()
    })
  }

  close(): Promise<void> {
    return this.#changes.take(async () => {
      const database = this.#opened
      this.#opened = undefined
      for (const listener of this.#listeners) listener.end()
      this.#listeners.clear()
      await database?.close()
    })
  }

  async append(records: readonly EventRecord[]): Promise<AppendResult> {
    return await this.#database.append(records, this.#now())
  }

  async read(query: ReadQuery, { signal }: CallOptions = {}): Promise<ReadResult> {
    const nowMs = this.#now()
    return await this.#database.search((log) => readEvents(log, query, nowMs), signal)
  }

  async head(): Promise<LogHead> {
    return await this.#database.use(readHead)
  }

  watch(wake: () => void): () => void {
    const notify = async (payload: string) => await this.#database.notify(payload)
    const listener = new Listener({ settings: this.#settings, origin: this.#origin, wake, notify })
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      listener.end()
    }
  }

  isListening(): boolean | undefined {
    return this.#listeners.size === 0 ? undefined : [...this.#listeners].every((listener) => listener.isUp)
  }

  async list(query: EventQuery, { signal }: CallOptions = {}): Promise<EventPage> {
    const nowMs = this.#now()
    return await this.#database.search((log) => listEvents(log, query, nowMs), signal)
  }

  async get(id: string): Promise<StoredEvent | undefined> {
    const nowMs = this.#now()
    return await this.#database.use((log) => getEvent(log, id, nowMs))
  }

  async count(filter: EventFilter = {}, { signal }: CallOptions = {}): Promise<number> {
    const nowMs = this.#now()
    return await this.#database.search((log) => countEvents(log, filter, nowMs), signal)
  }

  async totals({ signal }: CallOptions = {}): Promise<EventTotals> {
    const nowMs = this.#now()
    return await this.#database.search((log) => countTotals(log, nowMs), signal)
  }

  async delete(id: string): Promise<boolean> {
    return await this.#database.remove((log) => deleteEvent(log, id))
  }

  async deleteMatching(filter: EventFilter, { signal }: CallOptions = {}): Promise<number> {
    return await this.#database.remove((log) => deleteMatching(log, filter), signal)
  }

  async clear(): Promise<number> {
    return await this.#database.remove(clearEvents)
  }

  async sweepExpired(): Promise<number> {
    const nowMs = this.#now()
    return await this.#database.remove((log) => sweepExpired(log, nowMs))
  }

  async trim(policy: TrimPolicy): Promise<number> {
    const nowMs = this.#now()
    return await this.#database.remove((log) => trimEvents(log, policy, nowMs))
  }

  get #database(): LogDatabase {
    if (this.#opened) return this.#opened
    throw new EventsError(
      'EVENTS_NOT_RUNNING',
      `the event store ${this.#settings.place} is not open: open it first`,
    )
  }

  async #start(): Promise<LogDatabase> {
    const database = new LogDatabase(this.#settings, this.#origin)
    try {
      await database.migrate()
      return database
    } catch (error) {
      await database.close()
      throw error
    }
  }
}
