import { once } from 'node:events'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { expect, onTestFinished } from 'vitest'
import WebSocket, { type ClientOptions } from 'ws'
import { asyncApiDocument } from '../src/features/socket/asyncapi.ts'

export interface Message {
  readonly type: string
  readonly [field: string]: unknown
}

/** As it is served. */
const ADDRESS = { host: 'localhost', isSecure: false, path: '/ws' }
const document = JSON.parse(JSON.stringify(asyncApiDocument(ADDRESS, 'token')))
const ajv = formats.default(new Ajv({ strict: false })).addSchema(document, 'socket')

/** A client of the socket that holds every message it sends and gets against the protocol's own description. */
export class SocketClient {
  readonly socket: WebSocket
  /** Resolves with the code and the reason with which the connection was closed. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly #messages: Message[] = []
  #arrived = Promise.withResolvers<void>()

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data, isBinary) => {
      expect(isBinary).toBe(false)
      const message: Message = JSON.parse(String(data))
      this.#check(message)
      this.#messages.push(message)
      this.#arrived.resolve()
    })
    this.closed = once(socket, 'close').then(([code, reason]) => {
      this.#arrived.resolve()
      return { code, reason: String(reason) }
    })
    // Who opens it is told what went wrong; who waits for its end need not be.
    this.closed.catch(() => undefined)
  }

  static async open(url: string, options: ClientOptions = {}): Promise<SocketClient> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, options)
    onTestFinished(() => socket.terminate())
    const client = new SocketClient(socket)
    await once(socket, 'open')
    return client
  }

  send(message: Message): void {
    this.#check(message)
    this.socket.send(JSON.stringify(message))
  }

  /** The next message, whatever it is. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift()
      if (message !== undefined) return message
      if (this.socket.readyState >= WebSocket.CLOSING) throw new Error('the socket was closed')
      await this.#arrived.promise
      this.#arrived = Promise.withResolvers()
    }
  }

  /** Messages up to the first of a type. */
  async until(type: string, isLast: (message: Message) => boolean = () => true): Promise<Message[]> {
    const messages: Message[] = []
    for (;;) {
      const message = await this.next()
      messages.push(message)
      if (message.type === type && isLast(message)) return messages
    }
  }

  /** All that came until the socket was closed, and was not taken yet. */
  async rest(): Promise<Message[]> {
    await this.closed
    return this.#messages.splice(0)
  }

  #check(message: Message): void {
    const validate = ajv.getSchema(`socket#/components/messages/${message.type}/payload`)
    if (validate === undefined) throw new Error(`the protocol has no ${message.type}`)
    if (!validate(message)) throw new Error(`${JSON.stringify(message)}: ${ajv.errorsText(validate.errors)}`)
  }
}
