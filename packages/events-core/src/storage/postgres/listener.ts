import { Socket } from 'node:net'
import pg from 'pg'
import type { PostgresSettings } from './settings.ts'

const MIN_DELAY_MS = 250
const MAX_DELAY_MS = 30_000

export interface ListenerOptions {
  readonly settings: PostgresSettings
  /** What this store's own notifications say: they wake nobody. */
  readonly origin: string
  readonly wake: () => void
}

/**
 * Wakes when another store appends, by LISTEN on a connection of its own. A notification is a hint, and so is this: its
 * connection may break, which is noticed at once or after minutes, and a pooler may carry no notifications at all.
 * Whoever must know polls as well.
 *
 * connecting → listening → broken, by an error or the end of the connection → after a pause connecting again.
 */
export class Listener {
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
    const { settings, origin } = this.#options
    // To listen is no reason for the process to go on.
    const stream = () => new Socket().unref()
    const client = new pg.Client({ ...settings.listenConnection, stream })
    this.#client = client
    client.on('error', () => this.#lost(client))
    client.on('end', () => this.#lost(client))
    client.on('notification', ({ payload }) => {
      if (payload !== origin) this.#wake()
    })
    try {
      await client.connect()
      await client.query(`listen ${pg.escapeIdentifier(settings.schema)}`)
    } catch {
      return this.#lost(client)
    }
    this.#delayMs = MIN_DELAY_MS
    if (this.#client !== client) return
    this.#isUp = true
    // Nobody knows what was missed until now.
    this.#wake()
  }

  /** The caller's own code: what it throws must not reach the connection, or end the process. */
  #wake(): void {
    try {
      this.#options.wake()
    } catch {
      // A wake is a hint: its caller polls as well.
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
