import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { addressGroup } from './address-group.ts'

export interface ConnectionLimits {
  /** Connections at the same time. */
  readonly connections: number
  /** Connections from one address, or from one IPv6 network. */
  readonly perAddress: number
  /** Requests of one connection that have no answer yet. */
  readonly pipelined: number
  /** Bytes of answers that clients have not read, over all connections. */
  readonly unreadBytes: number
  /** The milliseconds for which a client may read nothing of an answer; more for an answer that is sent in one large piece. */
  readonly stallMs: number
}

interface Connection {
  readonly socket: Socket
  readonly address: Address
  /** Answers in the order of their requests. */
  readonly unanswered: Set<ServerResponse>
  /** The number of bytes that the client had read when it last read some, and the time of that. */
  taken: number
  takenMs: number
}

/** All connections from one address or network. Idle ones are in the order in which they became idle. */
interface Address {
  readonly name: string
  open: number
  /** Idle without ever having had a request. */
  readonly unused: Set<Connection>
  readonly idle: Set<Connection>
}

const CHECK_MS = 1_000
/** Of a piece that was handed to the system as a whole, it does not say how much has been taken: 16 KiB a second will do. */
const LEAST_BYTES_PER_MS = 16

/**
 * The connections of a server, bounded by what the system gives.
 *
 * A connection is idle while it has no request, and busy from a request's head until its answer has been taken. When there
 * are too many connections, the one that has been idle for longest goes, of the address that has most, and first of those
 * that have never had a request. When none is idle the new one goes. Streams and sockets, which have no time-out, are never
 * idle.
 */
export class Connections {
  readonly #limits: ConnectionLimits
  readonly #open = new Map<Socket, Connection>()
  readonly #addresses = new Map<string, Address>()

  constructor(server: Server, limits: ConnectionLimits) {
    this.#limits = limits
    server.on('connection', (socket: Socket) => this.#admit(socket))
    server.prependListener('request', (request, response) => this.#begin(request, response))
    const timer = setInterval(() => this.#check(), CHECK_MS).unref()
    server.once('close', () => clearInterval(timer))
  }

  /** Ends the connections that have no request. */
  endIdle(): void {
    for (const connection of this.#open.values()) if (isIdle(connection)) this.#end(connection)
  }

  #admit(socket: Socket): void {
    // One whose request asked for an unknown protocol comes back, to be read again without that wish.
    if (this.#open.has(socket)) return
    const address = this.#addressOf(socket)
    const isCrowded = address.open >= this.#limits.perAddress
    if (isCrowded || this.#open.size >= this.#limits.connections) {
      const oldest = isCrowded ? oldestIdle(address) : this.#oldestOfCrowd()
      if (oldest === undefined) return void socket.destroy()
      this.#end(oldest)
    }
    const unanswered = new Set<ServerResponse>()
    const connection = { socket, address, unanswered, taken: 0, takenMs: performance.now() }
    this.#open.set(socket, connection)
    this.#addresses.set(address.name, address)
    address.open += 1
    address.unused.add(connection)
    socket.once('close', () => this.#forget(connection))
  }

  #addressOf({ remoteAddress }: Socket): Address {
    const name = addressGroup(remoteAddress)
    return this.#addresses.get(name) ?? { name, open: 0, unused: new Set(), idle: new Set() }
  }

  #oldestOfCrowd(): Connection | undefined {
    let most: Connection | undefined
    for (const address of this.#addresses.values()) {
      if (address.open > (most?.address.open ?? 0)) most = oldestIdle(address) ?? most
    }
    return most
  }

  #begin({ socket }: IncomingMessage, response: ServerResponse): void {
    const connection = this.#open.get(socket)
    if (connection === undefined) return
    connection.unanswered.add(response)
    removeIdle(connection)
    // The requests that were read together with this one still come; the server does not look at them.
    if (connection.unanswered.size > this.#limits.pipelined) this.#end(connection)
    else response.once('close', () => this.#answered(connection, response))
  }

  #answered(connection: Connection, response: ServerResponse): void {
    connection.unanswered.delete(response)
    const isOpen = this.#open.has(connection.socket)
    if (isOpen && connection.unanswered.size === 0) connection.address.idle.add(connection)
  }

  #end(connection: Connection): void {
    this.#forget(connection)
    connection.socket.destroy()
  }

  #forget(connection: Connection): void {
    const { socket, address } = connection
    if (!this.#open.delete(socket)) return
    removeIdle(connection)
    address.open -= 1
    if (address.open === 0) this.#addresses.delete(address.name)
  }

  #check(): void {
    for (const connection of this.#open.values()) this.#endStalled(connection)
    this.#limitUnread()
  }

  #endStalled(connection: Connection): void {
    const { socket } = connection
    const waiting = socket.writableLength
    const taken = socket.bytesWritten - waiting
    // Streams look after themselves.
    if (waiting === 0 || taken > connection.taken || socket.timeout === 0) {
      connection.taken = taken
      connection.takenMs = performance.now()
      return
    }
    const allowedMs = this.#limits.stallMs + waiting / LEAST_BYTES_PER_MS
    if (performance.now() - connection.takenMs > allowedMs) this.#end(connection)
  }

  /** Ends those that have most to take. */
  #limitUnread(): void {
    const unread = [...this.#open.values()].map((connection) => ({
      connection,
      bytes: unreadBytes(connection),
    }))
    let bytes = unread.reduce((sum, each) => sum + each.bytes, 0)
    if (bytes <= this.#limits.unreadBytes) return
    for (const each of unread.sort((a, b) => b.bytes - a.bytes)) {
      if (bytes <= this.#limits.unreadBytes) return
      bytes -= each.bytes
      this.#end(each.connection)
    }
  }
}

function isIdle({ socket, unanswered }: Connection): boolean {
  // A WebSocket has no request from Node's view; its time-out is taken off as that of a stream is.
  return unanswered.size === 0 && socket.timeout !== 0
}

function oldestIdle({ unused, idle }: Address): Connection | undefined {
  for (const list of [unused, idle]) {
    for (const connection of list) if (isIdle(connection)) return connection
  }
  return undefined
}

function removeIdle(connection: Connection): void {
  connection.address.unused.delete(connection)
  connection.address.idle.delete(connection)
}

function unreadBytes({ unanswered }: Connection): number {
  let bytes = 0
  for (const response of unanswered) bytes += response.writableLength
  return bytes
}
