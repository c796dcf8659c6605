import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { ConnectionLife, type GoodbyeReason } from '../../http/connections/connection-life.ts'
import { Outlet } from '../../http/connections/outlet.ts'
import { injectionOf } from './injection.ts'

export interface ConnectionOptions {
  readonly heartbeatMs: number
  /** The milliseconds for which the client may read nothing before the connection is closed. */
  readonly stallMs: number
  readonly heartbeat: () => string
  readonly goodbye: (reason: GoodbyeReason) => string
}

/** One client's open response. While its buffer is full, its sender waits, and heartbeats are left out. */
export class StreamConnection {
  /** False for an injected request whose answer is read as a whole, which an endless one never is. */
  readonly isEndless: boolean
  readonly #response: ServerResponse
  readonly #options: ConnectionOptions
  readonly #outlet: Outlet
  readonly #life: ConnectionLife
  readonly #heartbeat: NodeJS.Timeout

  /** @param response not begun yet, with its headers set */
  constructor(response: ServerResponse, options: ConnectionOptions) {
    this.#response = response
    this.#options = options
    this.isEndless = injectionOf(response) !== 'as a whole'
    this.#life = new ConnectionLife({ leave: () => this.#leave(), cutOff: () => response.destroy() })
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs)
    response.once('close', () => this.#life.gone())
    // The end of the connection is the end of the stream. Chunks would be three small writes more for each frame.
    response.useChunkedEncodingByDefault = false
    response.writeHead(200)
    response.flushHeaders()
    this.#outlet = new Outlet(bodyOf(response), {
      stallMs: options.stallMs,
      stalled: () => this.close('too_slow'),
    })
  }

  /** Resolves when it takes no more frames, because it is closing or gone. */
  get left(): Promise<void> {
    return this.#life.left
  }

  /** Resolves when the socket is gone, for whatever reason. */
  get closed(): Promise<void> {
    return this.#life.closed
  }

  /**
   * Writes some frames. Returns undefined if the client has room for more; otherwise a promise that resolves when it has, or
   * when nothing more will be sent. To be called again only then.
   */
  send(frames: string | Buffer): Promise<void> | undefined {
    this.#outlet.write(frames)
    return this.#outlet.hasRoom ? undefined : this.#outlet.room()
  }

  /** Says goodbye and closes. A client that does not read the last frame in time is cut off. */
  close(reason: GoodbyeReason): void {
    this.#life.close(reason, () => {
      this.#outlet.write(this.#options.goodbye(reason))
      this.#response.end()
    })
  }

  /** Ends the response with what was written. */
  end(): void {
    this.#life.end(() => this.#response.end())
  }

  /** While the buffer is full the client has something to read, which is all that a heartbeat is for. */
  #beat(): void {
    if (this.#outlet.hasRoom) this.#outlet.write(this.#options.heartbeat())
  }

  #leave(): void {
    clearInterval(this.#heartbeat)
    this.#outlet.close()
  }
}

/**
 * Returns where the body goes once the headers have gone out. Without chunks it is what the socket is written: the response
 * would only hold each frame back until the next tick. In HTTP/2, and behind an answer that is still being sent, it has
 * no socket to write to; that of an injected request throws everything away.
 */
function bodyOf(response: ServerResponse): Writable {
  const { req, socket } = response
  const hasSocket = req.httpVersionMajor === 1 && socket !== null && injectionOf(response) === undefined
  return hasSocket ? socket : response
}
