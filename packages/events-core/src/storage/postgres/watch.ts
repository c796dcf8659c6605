import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import pg from 'pg'
import { type Channel, type Hear, LOG } from '../sql/runner.ts'
import { newsOf } from './notifications.ts'
import type { PostgresSettings } from './settings.ts'

const MIN_DELAY_MS = 250
const MAX_DELAY_MS = 30_000
/** The time that the store's own notification may take to arrive. */
const PROBE_MS = 10_000
/** The prefix of such a notification's payload. */
const PROBE = 'probe '

export interface ListenerOptions {
  readonly settings: PostgresSettings
  /** The payload of this store's own notifications, which wake no watcher. */
  readonly origin: string
  readonly hear: Hear
  /** Sends a notification over another connection, as appends do. */
  readonly notify: (payload: string) => Promise<void>
}

/**
 * Receives notifications of other stores' changes, by LISTEN on its own connection. They are only hints: the connection may
 * break, which is detected at once or after minutes, and a pooler may forward no notifications at all. Callers that need
 * certainty must also poll.
 *
 * connecting → listening → up, once a notification sent over another connection has arrived → broken, by an error or the
 * end of the connection, or because none arrived → after a pause connecting again.
 */
export class Listener implements Channel {
  readonly #options: ListenerOptions
  #client: pg.Client | undefined
  #retry: NodeJS.Timeout | undefined
  #delayMs = MIN_DELAY_MS
  #ended = false
  #isUp = false

  constructor(options: ListenerOptions) {
    this.#options = options
    void this.#connect()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#retry)
    this.#drop()
  }

  async #connect(): Promise<void> {
    const { settings, origin: own } = this.#options
    // Listening must not keep the process alive.
    const stream = () => new Socket().unref()
    const client = new pg.Client({ ...settings.listenConnection, stream })
    this.#client = client
    client.on('error', () => this.#lost(client))
    client.on('end', () => this.#lost(client))
    client.on('notification', ({ payload }) => {
      if (payload === undefined || payload.startsWith(PROBE)) return
      const { origin, ...news } = newsOf(payload)
      if (origin !== own) this.#options.hear(news.collection ?? LOG)
    })
    try {
      await client.connect()
      await client.query(`listen ${pg.escapeIdentifier(settings.schema)}`)
      // Notifications may have been missed until now.
      if (this.#client === client) this.#options.hear(undefined)
      await this.#hearProbe(client)
    } catch {
      return this.#lost(client)
    }
    this.#delayMs = MIN_DELAY_MS
    this.#isUp = this.#client === client
  }

  /**
   * Resolves when a notification has arrived. It is sent over another connection of the store: behind a pooler, a client
   * may receive only the notifications that it sends itself.
   */
  async #hearProbe(client: pg.Client): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const probe = PROBE + randomUUID()
    client.on('notification', ({ payload }) => payload === probe && resolve())
    client.on('end', () => reject(new Error('the connection ended')))
    const timer = setTimeout(() => reject(new Error('no notification arrived')), PROBE_MS).unref()
    try {
      await Promise.all([promise, this.#options.notify(probe)])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Handles an error or the end of the connection; both occur, and only the first counts. */
  #lost(client: pg.Client): void {
    if (this.#client !== client || this.#ended) return
    this.#drop()
    this.#retry = setTimeout(() => void this.#connect(), this.#delayMs * (0.5 + Math.random())).unref()
    this.#delayMs = Math.min(MAX_DELAY_MS, this.#delayMs * 2)
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    this.#isUp = false
    client?.end().catch(() => {})
  }
}
