/** The milliseconds that a client has to read its last message, by the reason for it; on shutdown, others wait for it. */
const GOODBYE_MS = {
  shutdown: 500,
  stopped: 500,
  revoked: 500,
  too_slow: 5_000,
  too_many_errors: 5_000,
} as const

/**
 * Why the server ends a stream or a socket: the app shuts down, the bus stopped, the client's token was revoked, the client
 * does not read, or it sends what cannot be read.
 */
export type GoodbyeReason = keyof typeof GOODBYE_MS

/** Reacts to the end of a connection. */
export interface LifeHooks {
  /** Called once, when nothing more is to be sent: stops timers and resolves what waits for the client. */
  readonly leave: () => void
  /** Destroys the connection of a client that has not read its last message in time. */
  readonly cutOff: () => void
}

/**
 * The life of one client's stream or socket.
 *
 * - open: entered at the start. Messages are sent.
 * - closing: entered by `close` and `end`. The last message has been written. A client to which a goodbye was said has some
 *   time to read it, after which the connection is cut off.
 * - closed: entered by `gone` from either state, when the connection is gone, for whatever reason.
 *
 * Leaving `open` calls `leave`, so that no wait outlives the connection.
 */
export class ConnectionLife {
  readonly #hooks: LifeHooks
  readonly #leaving = Promise.withResolvers<void>()
  readonly #gone = Promise.withResolvers<void>()
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(hooks: LifeHooks) {
    this.#hooks = hooks
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Resolves when nothing more is sent. */
  get left(): Promise<void> {
    return this.#leaving.promise
  }

  /** Resolves when the connection is gone. */
  get closed(): Promise<void> {
    return this.#gone.promise
  }

  /**
   * Says goodbye, once.
   * @param sayGoodbye writes the last message and ends the connection
   */
  close(reason: GoodbyeReason, sayGoodbye: () => void): void {
    if (!this.isOpen) return
    this.end(sayGoodbye)
    const timer = setTimeout(this.#hooks.cutOff, GOODBYE_MS[reason])
    void this.closed.then(() => clearTimeout(timer))
  }

  /** Ends the connection with what was written, however long the client takes to read it. */
  end(endConnection: () => void): void {
    if (!this.isOpen) return
    endConnection()
    this.#enter('closing')
  }

  /** Notes that the connection is gone. */
  gone(): void {
    this.#enter('closed')
  }

  /** The only place that changes the state. */
  #enter(state: 'closing' | 'closed'): void {
    const wasOpen = this.isOpen
    this.#state = state
    if (wasOpen) {
      this.#hooks.leave()
      this.#leaving.resolve()
    }
    if (state === 'closed') this.#gone.resolve()
  }
}
