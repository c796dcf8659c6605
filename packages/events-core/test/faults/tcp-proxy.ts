import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Forwards connections between a client and a server, and breaks them as a network does. */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>()
  #cutAfterBytes: number | undefined
  #frozen = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer()
    const proxy = new TcpProxy(server)
    server.on('connection', (client) => proxy.#join(client, connect(targetPort, '127.0.0.1')))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return address.port
  }

  /** Resets all connections. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy()
  }

  /**
   * Forwards so many bytes of the server's answer, then resets the connection, so that the client does not learn the
   * outcome.
   */
  cutAnswersAfter(bytes: number): void {
    this.#cutAfterBytes = bytes
  }

  /** Forwards everything again. */
  mend(): void {
    this.#cutAfterBytes = undefined
  }

  /** Forwards nothing, without closing connections, until `thaw`. */
  freeze(): void {
    this.#frozen = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  thaw(): void {
    this.#frozen = false
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }

  #join(client: Socket, server: Socket): void {
    const pair = [client, server] as const
    this.#pairs.add(pair)
    const end = () => {
      this.#pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    client.on('data', (chunk) => server.write(chunk))
    server.on('data', (chunk) => this.#answer(chunk, client, server))
    for (const socket of pair) socket.on('close', end).on('error', end)
    if (this.#frozen) for (const socket of pair) socket.pause()
  }

  #answer(chunk: Buffer, client: Socket, server: Socket): void {
    const left = this.#cutAfterBytes
    if (left === undefined || chunk.length <= left) {
      if (left !== undefined) this.#cutAfterBytes = left - chunk.length
      client.write(chunk)
      return
    }
    this.#cutAfterBytes = undefined
    client.write(chunk.subarray(0, left), () => client.resetAndDestroy())
    server.resetAndDestroy()
  }
}
