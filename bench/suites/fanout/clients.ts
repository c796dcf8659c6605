import { connect, type Socket } from 'node:net'

/** What a client sends, and how it recognises the complete answer. */
export interface Step {
  readonly sends: string | Buffer
  readonly isAnswered: (answer: string) => boolean
}

const CONNECT_AT_ONCE = 50
const WAIT_MS = 20_000
/** All sockets read into the same memory: nobody reads the bytes while events are counted. */
const MEMORY = Buffer.alloc(64 * 2 ** 10)

/** Connections that only count bytes, because they share the processors with the server. */
export class Clients {
  readonly #clients: Client[] = []
  #received = 0
  #wanted = Number.POSITIVE_INFINITY
  #reached = Promise.withResolvers<void>()

  /** Connects them, and lets each take the steps. */
  static async connect(port: number, count: number, steps: readonly Step[]): Promise<Clients> {
    const clients = new Clients()
    while (clients.#clients.length < count) {
      const some = Array.from(
        { length: Math.min(CONNECT_AT_ONCE, count - clients.#clients.length) },
        () => new Client(port, (bytes) => clients.#count(bytes)),
      )
      await Promise.all(some.map((client) => client.take(steps)))
      clients.#clients.push(...some)
    }
    return clients
  }

  /** Returns what each of them receives after `send` was called, as the first of them reads it. */
  async read(send: () => void, isWhole: Step['isAnswered']): Promise<Buffer> {
    for (const client of this.#clients) client.isCounting = false
    send()
    const [text = ''] = await Promise.all(this.#clients.map((client) => client.read(isWhole)))
    return Buffer.from(text, 'latin1')
  }

  /** Lets them only count, from zero. Resolves when each has this many bytes, as far as their sum tells. */
  async receive(bytesEach: number, send: () => void): Promise<void> {
    const bytes = bytesEach * this.#clients.length
    for (const client of this.#clients) client.isCounting = true
    this.#received = 0
    this.#wanted = bytes
    this.#reached = Promise.withResolvers()
    send()
    await inTime(this.#reached.promise, `${bytes} bytes`)
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }

  #count(bytes: number): void {
    this.#received += bytes
    if (this.#received >= this.#wanted) this.#reached.resolve()
  }
}

/** Reads texts, or only counts their bytes. */
class Client {
  isCounting = false
  readonly #socket: Socket
  readonly #counted: (bytes: number) => void
  #text = ''
  #changed: () => void = () => undefined

  constructor(port: number, counted: (bytes: number) => void) {
    this.#counted = counted
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      onread: { buffer: MEMORY, callback: (bytes) => this.#received(bytes) },
    })
  }

  async take(steps: readonly Step[]): Promise<void> {
    for (const { sends, isAnswered } of steps) {
      this.#socket.write(sends)
      await this.read(isAnswered)
    }
  }

  async read(isWhole: Step['isAnswered']): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#changed = () => isWhole(this.#text) && resolve()
    this.#changed()
    await inTime(promise, 'an answer')
    const text = this.#text
    this.#text = ''
    return text
  }

  close(): void {
    this.#socket.destroy()
  }

  #received(bytes: number): boolean {
    if (this.isCounting) this.#counted(bytes)
    else {
      this.#text += MEMORY.toString('latin1', 0, bytes)
      this.#changed()
    }
    return true
  }
}

async function inTime(work: Promise<void>, what: string): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>()
  const late = setTimeout(() => reject(new Error(`waited ${WAIT_MS} ms for ${what}`)), WAIT_MS)
  try {
    await Promise.race([work, promise])
  } finally {
    clearTimeout(late)
  }
}
