import type { Socket } from 'node:net'
import type { ServerMessage } from './messages.ts'

export interface OutletOptions {
  /** How long the client may take nothing. */
  readonly stallMs: number
  /** Called when it has taken nothing for that long. */
  readonly stalled: () => void
}

/**
 * The way out to one client. Frames are made here and written to the connection in one piece, since a library call for
 * each would cost more than all the rest: a server's frame is a short header and the text.
 */
export class Outlet {
  readonly #connection: Socket
  readonly #options: OutletOptions
  #room: PromiseWithResolvers<void> | undefined
  #stall: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(connection: Socket, options: OutletOptions) {
    this.#connection = connection
    this.#options = options
    connection.on('drain', this.#drained)
  }

  /** Whether the client has taken all that may wait for it. */
  get hasRoom(): boolean {
    return !this.#connection.writableNeedDrain
  }

  send(message: ServerMessage): void {
    this.write(textFrame(JSON.stringify(message)))
  }

  /** @param frames whole ones */
  write(frames: Buffer): void {
    if (!this.#isClosed) this.#connection.write(frames)
  }

  /** Resolves when the client has room for more, or when there will be no more. */
  async room(): Promise<void> {
    if (this.#isClosed || this.hasRoom) return
    this.#room ??= Promise.withResolvers()
    this.#stall ??= setTimeout(this.#options.stalled, this.#options.stallMs)
    await this.#room.promise
  }

  /** Writes nothing more, and lets go who waits for room. */
  close(): void {
    this.#isClosed = true
    this.#connection.off('drain', this.#drained)
    this.#drained()
  }

  readonly #drained = (): void => {
    clearTimeout(this.#stall)
    this.#stall = undefined
    this.#room?.resolve()
    this.#room = undefined
  }
}

const FINAL_TEXT = 0x81
/** Lengths up to 125 are in the header's second byte; these two say that 2 or 8 bytes of length follow. */
const LENGTH_16 = 126
const LENGTH_64 = 127

/** A text as one unmasked WebSocket frame (RFC 6455, 5.2). */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const headerBytes = length < LENGTH_16 ? 2 : length <= 0xffff ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + length)
  frame[0] = FINAL_TEXT
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = LENGTH_16
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = LENGTH_64
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, headerBytes)
  return frame
}
