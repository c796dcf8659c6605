import { EventsError } from '@viewra/events-core'
import type { ModuleOptions } from '../../options.ts'
import type { Principal } from '../access/principal.ts'
import { TokenWatch } from '../access/token-watch.ts'
import { HttpError } from '../problem.ts'

/** A stream or a socket of one client. */
export interface OpenConnection {
  /** Resolves when nothing more is sent. */
  readonly left: Promise<void>
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  close(reason: 'shutdown' | 'revoked'): void
}

/** The open streams or sockets of one module: each ends with its client, with its token, or with the app. */
export class OpenConnections {
  readonly #bus: ModuleOptions['bus']
  readonly #tokens: TokenWatch
  readonly #open = new Set<OpenConnection>()
  #isClosing = false

  constructor({ bus, tokens }: Pick<ModuleOptions, 'bus' | 'tokens'>) {
    this.#bus = bus
    this.#tokens = new TokenWatch(tokens)
  }

  /** Whether the app has begun to close. A connection that was added before that has been told. */
  get isClosing(): boolean {
    return this.#isClosing
  }

  /** @throws HttpError HTTP_SHUTTING_DOWN; EventsError EVENTS_NOT_RUNNING */
  checkOpen(): void {
    if (this.#isClosing) throw new HttpError('HTTP_SHUTTING_DOWN', 'the server is shutting down')
    if (!this.#bus.running) throw new EventsError('EVENTS_NOT_RUNNING', 'the event bus is not running')
  }

  add(connection: OpenConnection, principal: Principal | undefined): void {
    this.#open.add(connection)
    this.#tokens.add(principal, () => connection.close('revoked'), connection.left)
    void connection.closed.then(() => this.#open.delete(connection))
  }

  /** Says goodbye to everybody. Resolves when all are gone; clients that do not leave in time are cut off. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const connection of this.#open) connection.close('shutdown')
    await Promise.all(Array.from(this.#open, ({ closed }) => closed))
  }
}
