/** The destination of an outlet: a connection's socket, or a response. */
export interface Destination {
  write(data: string | Buffer): boolean
  on(event: 'drain', listener: () => void): unknown
  off(event: 'drain', listener: () => void): unknown
  /** Responses over HTTP/2 do not have it. */
  readonly writableNeedDrain?: boolean
}

export interface OutletOptions {
  /** The milliseconds for which the client may read nothing. */
  readonly stallMs: number
  /** Called when it has read nothing for that long. */
  readonly stalled: () => void
}

/** Writes to one client, and notices when the client does not read. */
export class Outlet {
  readonly #destination: Destination
  readonly #options: OutletOptions
  #isFull = false
  #room: PromiseWithResolvers<void> | undefined
  #stall: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(destination: Destination, options: OutletOptions) {
    this.#destination = destination
    this.#options = options
    destination.on('drain', this.#drained)
  }

  /** Whether more may be written before the client reads. Others may write to the connection too. */
  get hasRoom(): boolean {
    return !this.#isFull && this.#destination.writableNeedDrain !== true
  }

  /** @param frames whole ones */
  write(frames: string | Buffer): void {
    if (!this.#isClosed && !this.#destination.write(frames)) this.#isFull = true
  }

  /** Resolves when there is room for more, or when nothing more will be written. */
  async room(): Promise<void> {
    if (this.#isClosed || this.hasRoom) return
    this.#room ??= Promise.withResolvers()
    this.#stall ??= setTimeout(this.#options.stalled, this.#options.stallMs)
    await this.#room.promise
  }

  /** Writes nothing more, and resolves what waits for room. */
  close(): void {
    this.#isClosed = true
    this.#destination.off('drain', this.#drained)
    this.#drained()
  }

  readonly #drained = (): void => {
    this.#isFull = false
    clearTimeout(this.#stall)
    this.#stall = undefined
    this.#room?.resolve()
    this.#room = undefined
  }
}
