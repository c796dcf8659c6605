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
import { Turns } from '../turns.ts'
import { SqliteDeadLetters } from './dead-letters.ts'
import { SqliteSubscriptions } from './subscriptions.ts'
import type { AppendRow, ReaderCalls, ThreadSettings, WriterCalls } from './thread/messages.ts'
import { StorageThread } from './thread/storage-thread.ts'
import type { Threads } from './thread/threads.ts'
import { FileWatch } from './watch.ts'

/**
 * The store as its user sees it: everything is done by two threads, so that SQLite, which waits for the disk, holds up
 * neither the event loop nor, by a long search, the appends.
 */
export class SqliteStorage implements EventStorage {
  readonly name = 'sqlite'
  readonly persistent = true
  readonly subscriptions: SqliteSubscriptions
  readonly deadLetters: SqliteDeadLetters
  readonly #settings: Omit<ThreadSettings, 'role'>
  readonly #now: () => number
  readonly #workerUrl: URL | undefined
  /** Opening and closing, one at a time. */
  readonly #changes = new Turns()
  #threads: Threads | undefined

  constructor(settings: Omit<ThreadSettings, 'role'>, now: () => number, workerUrl?: URL) {
    this.#workerUrl = workerUrl
    this.#settings = settings
    this.#now = now
    this.subscriptions = new SqliteSubscriptions(() => this.#running, now)
    this.deadLetters = new SqliteDeadLetters(() => this.#running, now)
  }

  open(): Promise<void> {
    return this.#changes.take(async () => {
      this.#threads ??= await this.#start()
    })
  }

  close(): Promise<void> {
    return this.#changes.take(async () => {
      const threads = this.#threads
      this.#threads = undefined
      if (threads) await end(threads)
    })
  }

  async append(records: readonly EventRecord[]): Promise<AppendResult> {
    return await this.#append(records, false)
  }

  async appendBehind(records: readonly EventRecord[]): Promise<AppendResult> {
    return await this.#append(records, true)
  }

  async delete(id: string): Promise<boolean> {
    return await this.#writer.call('delete', { id })
  }

  async deleteMatching(filter: EventFilter, { signal }: CallOptions = {}): Promise<number> {
    return await this.#writer.call('deleteMatching', { filter }, signal)
  }

  async clear(): Promise<number> {
    return await this.#writer.call('clear', null)
  }

  async sweepExpired(): Promise<number> {
    return await this.#writer.call('sweepExpired', { nowMs: this.#now() })
  }

  async trim(policy: TrimPolicy): Promise<number> {
    return await this.#writer.call('trim', { policy, nowMs: this.#now() })
  }

  async head(): Promise<LogHead> {
    return await this.#reader.call('head', null)
  }

  async read(query: ReadQuery, { signal }: CallOptions = {}): Promise<ReadResult> {
    return await this.#reader.call('read', { query, nowMs: this.#now() }, signal)
  }

  watch(wake: () => void): () => void {
    const watch = new FileWatch(() => this.#running, wake)
    return () => watch.end()
  }

  async list(query: EventQuery, { signal }: CallOptions = {}): Promise<EventPage> {
    return await this.#reader.call('list', { query, nowMs: this.#now() }, signal)
  }

  async get(id: string): Promise<StoredEvent | undefined> {
    return await this.#reader.call('get', { id, nowMs: this.#now() })
  }

  async count(filter: EventFilter = {}, { signal }: CallOptions = {}): Promise<number> {
    return await this.#reader.call('count', { filter, nowMs: this.#now() }, signal)
  }

  async totals({ signal }: CallOptions = {}): Promise<EventTotals> {
    return await this.#reader.call('totals', { nowMs: this.#now() }, signal)
  }

  #append(records: readonly EventRecord[], behind: boolean): Promise<AppendResult> {
    return this.#writer.call('append', { rows: records.map(rowOf), nowMs: this.#now(), behind })
  }

  get #writer(): StorageThread<WriterCalls> {
    return this.#running.writer
  }

  get #reader(): StorageThread<ReaderCalls> {
    return this.#running.reader
  }

  get #running(): Threads {
    if (this.#threads) return this.#threads
    throw new EventsError(
      'EVENTS_NOT_RUNNING',
      `the event store ${this.#settings.path} is not open: open it first`,
    )
  }

  async #start(): Promise<Threads> {
    const writer = new StorageThread<WriterCalls>({ ...this.#settings, role: 'writer' }, this.#workerUrl)
    const reader = new StorageThread<ReaderCalls>({ ...this.#settings, role: 'reader' }, this.#workerUrl)
    const threads = { writer, reader }
    try {
      reader.start()
      // The writer makes the file that the reader opens.
      await writer.call('open', null)
      await reader.call('open', null)
      return threads
    } catch (error) {
      await end(threads)
      throw error
    }
  }
}

/** The writer comes last: whoever closes the file last copies the log into it and removes that. */
async function end({ writer, reader }: Threads): Promise<void> {
  await reader.close()
  await writer.close()
}

function rowOf({ event, dataJson, timestampMs, expiresAtMs }: EventRecord): AppendRow {
  return [
    event.id,
    event.type,
    event.source,
    event.target,
    event.title,
    event.message,
    dataJson,
    event.priority,
    event.tags,
    timestampMs,
    event.ttl ?? null,
    expiresAtMs,
    event.correlation_id ?? null,
    event.causation_id ?? null,
    event.traceparent ?? null,
  ]
}
