import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import pg from 'pg'
import { type Channel, type Hear, LOG } from '../sql/runner.ts'
import { newsOf } from './notifications.ts'
import type { PostgresSettings } from './settings.ts'

const MIN_DELAY_MS = 250
const MAX_DELAY_MS = 30_000
/** How long a notification of our own may take to arrive. */
const PROBE_MS = 10_000
/** Begins what such a notification says. */
const PROBE = 'probe '

export interface ListenerOptions {
  readonly settings: PostgresSettings
  /** What this store's own notifications say: they wake nobody. */
  readonly origin: string
  readonly hear: Hear
  /** Sends a notification over another connection, as appends do. */
  readonly notify: (payload: string) => Promise<void>
}

/**
 * Wakes when another store appends, by LISTEN on a connection of its own. A notification is a hint, and so is this: its
 * connection may break, which is noticed at once or after minutes, and a pooler may carry no notifications at all.
 * Whoever must know polls as well.
 *
 * connecting → listening → up, when a notification that was sent elsewhere has arrived → broken, by an error or the end of
 * the connection, or because none arrived → after a pause connecting again.
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
    // To listen is no reason for the process to go on.
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
      // Nobody knows what was missed until now.
      if (this.#client === client) this.#options.hear(undefined)
      await this.#hearProbe(client)
    } catch {
      return this.#lost(client)
    }
    this.#delayMs = MIN_DELAY_MS
    this.#isUp = this.#client === client
  }

  /**
   * Resolves when a notification has arrived. It is sent over a connection of the store: on its own a pooler's client is
   * told of its own notification, and of no other.
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

  /** An error is followed by the end, and both are told: only the first counts. */
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
