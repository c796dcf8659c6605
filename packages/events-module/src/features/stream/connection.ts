import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { GoodbyeReason } from './frames.ts'
import { injectionOf } from './injection.ts'

export interface ConnectionOptions {
  readonly heartbeatMs: number
  /** How long the client may take nothing before the connection is closed. */
  readonly stallMs: number
  readonly heartbeat: () => string
  readonly goodbye: (reason: GoodbyeReason) => string
}

/** How long a client has to take its last frame; on shutdown the others wait for it. */
const GOODBYE_MS = { shutdown: 500, stopped: 500, too_slow: 5_000, revoked: 500 } as const satisfies Record<
  GoodbyeReason,
  number
>

/**
 * One client's open response.
 *
 * open: frames are written as they come; while the socket's buffer is full the one who sends waits, and heartbeats
 * are left out. closing: the last frame is written, the client has some time to take it. closed: the socket is gone.
 * Whoever waits is let go when it leaves `open`, so that no wait outlives the connection.
 */
export class StreamConnection {
  /** Resolves when the socket is gone, for whatever reason. */
  readonly closed: Promise<void>
  /** Resolves when it takes no more frames, because it is closing or gone. */
  readonly left: Promise<void>
  /** False for an injected request whose answer is read as a whole, which an endless one never is. */
  readonly isEndless: boolean
  readonly #response: ServerResponse
  readonly #body: Writable
  readonly #options: ConnectionOptions
  readonly #heartbeat: NodeJS.Timeout
  /** Lets the one who waits for room go on. */
  #resume: (() => void) | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  readonly #leaving = Promise.withResolvers<void>()

  /** @param response not begun yet, with its headers set */
  constructor(response: ServerResponse, options: ConnectionOptions) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.left = this.#leaving.promise
    this.#response = response
    this.#options = options
    this.isEndless = injectionOf(response) !== 'as a whole'
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs)
    response.once('close', () => this.#leave('closed', resolve))
    // The end of the connection is the end of the stream. Chunks would be three small writes more for each frame.
    response.useChunkedEncodingByDefault = false
    response.writeHead(200)
    response.flushHeaders()
    this.#body = bodyOf(response)
    this.#body.on('drain', () => this.#resume?.())
  }

  /**
   * Writes some frames. Nothing to wait for when the client has room for more; otherwise it resolves when there is, or
   * when there will be no more. To be called again only then.
   */
  send(frames: string | Buffer): Promise<void> | undefined {
    return this.#state !== 'open' || this.#body.write(frames) ? undefined : this.#room()
  }

  /** Says goodbye and closes. A client that does not take the last frame in time is cut off. */
  close(reason: GoodbyeReason): void {
    if (this.#state !== 'open') return
    this.#body.write(this.#options.goodbye(reason))
    const cutOff = setTimeout(() => this.#response.destroy(), GOODBYE_MS[reason])
    this.end()
    void this.closed.then(() => clearTimeout(cutOff))
  }

  /** Ends the response with what was written. */
  end(): void {
    if (this.#state !== 'open') return
    this.#leave('closing')
    this.#response.end()
  }

  #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stalled = setTimeout(() => this.close('too_slow'), this.#options.stallMs)
    this.#resume = () => {
      clearTimeout(stalled)
      this.#resume = undefined
      resolve()
    }
    return promise
  }

  /** While the buffer is full the client has something to read, which is all that a heartbeat is for. */
  #beat(): void {
    if (!this.#body.writableNeedDrain) this.#body.write(this.#options.heartbeat())
  }

  #leave(state: 'closing' | 'closed', then?: () => void): void {
    this.#state = state
    clearInterval(this.#heartbeat)
    this.#resume?.()
    this.#leaving.resolve()
    then?.()
  }
}

/**
 * Where the body goes once the headers have gone out. Without chunks it is what the socket is written: the response
 * would only hold each frame back until the next tick. In HTTP/2, and behind an answer that is still being sent, it has
 * no socket to write to; that of an injected request throws everything away.
 */
function bodyOf(response: ServerResponse): Writable {
  const { req, socket } = response
  const hasSocket = req.httpVersionMajor === 1 && socket !== null && injectionOf(response) === undefined
  return hasSocket ? socket : response
}
