import type { Socket } from 'node:net'
import { EventsError } from '@viewra/events-core'
import type { WebSocket } from 'ws'
import { ConnectionLife, type GoodbyeReason } from '../../http/connections/connection-life.ts'
import { Outlet } from '../../http/connections/outlet.ts'
import { problemOf } from '../../http/error-handler.ts'
import { openFeed } from '../../http/log-cursor.ts'
import { HttpError } from '../../http/problem.ts'
import type { ModuleOptions } from '../../options.ts'
import { messageFrame } from './message-frame.ts'
import type { ClientMessage, ServerMessage } from './messages.ts'
import { RefusedMessage, readMessage } from './read-message.ts'
import { SocketSubscription } from './subscription.ts'

type Of<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>

const MAX_SUBSCRIPTIONS = 100
/** Messages in a row that cannot be read before the socket is closed. */
const MAX_ERRORS = 20
/** Requests that wait for the bus, after which the client is not read until one is answered. */
const MAX_PENDING = 64

const CLOSE_CODES = {
  shutdown: 1001,
  stopped: 1001,
  too_slow: 1013,
  too_many_errors: 1008,
  revoked: 1008,
} as const satisfies Record<GoodbyeReason, number>

/** The client of a socket. */
export interface SocketClient {
  readonly ip: string
  /** @throws when the client may not publish this event */
  readonly mayPublish: (event: Of<'publish'>['event']) => void
}

/** A name that is taken; without a subscription while that is being opened. */
interface Slot {
  subscription?: SocketSubscription
}

/**
 * One client's socket with its subscriptions. While it is open, messages are handled in the order in which they arrive; while
 * much waits for the bus, or for the client to read, the client is not read. When it leaves that state, its subscriptions end.
 */
export class EventSocket {
  readonly #socket: WebSocket
  readonly #client: SocketClient
  readonly #options: ModuleOptions
  readonly #outlet: Outlet
  readonly #subscriptions = new Map<string, Slot>()
  readonly #keepAlive: NodeJS.Timeout
  readonly #life: ConnectionLife
  #isAlive = true
  #errors = 0
  #pending = 0
  #isPaused = false

  constructor(socket: WebSocket, connection: Socket, client: SocketClient, options: ModuleOptions) {
    this.#life = new ConnectionLife({ leave: () => this.#leave(), cutOff: () => socket.terminate() })
    this.#socket = socket
    this.#client = client
    this.#options = options
    this.#outlet = new Outlet(connection, {
      stallMs: options.streamStallMs,
      stalled: () => void this.#tooSlow(),
    })
    socket.on('message', (data: Buffer, isBinary) => this.#received(data, isBinary))
    socket.on('pong', () => this.#heard())
    // A client may ping without end and never read what is answered.
    socket.on('ping', () => this.#heard())
    socket.once('close', () => this.#life.gone())
    this.#keepAlive = setInterval(() => this.#beat(), options.heartbeatMs)
  }

  /** Resolves when nothing more is sent. */
  get left(): Promise<void> {
    return this.#life.left
  }

  /** Resolves when the socket is gone, for whatever reason. */
  get closed(): Promise<void> {
    return this.#life.closed
  }

  /** Says goodbye and closes. A client that does not close in time is cut off. */
  close(reason: GoodbyeReason): void {
    this.#life.close(reason, () => {
      this.#send({ type: 'bye', reason })
      this.#socket.close(CLOSE_CODES[reason], reason)
      // Its closing frame would not be read otherwise.
      this.#socket.resume()
    })
  }

  #send(message: ServerMessage): void {
    this.#outlet.write(messageFrame(message))
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (!this.#life.isOpen) return
    try {
      if (isBinary) throw new HttpError('HTTP_UNSUPPORTED_MEDIA_TYPE', 'send each message as one text frame')
      const message = readMessage(data)
      this.#errors = 0
      this.#handle(message)
    } catch (error) {
      this.#refuse(error)
    }
    this.#heard()
  }

  #refuse(error: unknown): void {
    const { cause, id } = error instanceof RefusedMessage ? error : { cause: error, id: undefined }
    this.#sendError(cause, id)
    if (++this.#errors >= MAX_ERRORS) this.close('too_many_errors')
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'subscribe':
        this.#request(message, () => this.#subscribe(message))
        break
      case 'unsubscribe':
        this.#unsubscribe(message)
        break
      case 'credit':
        this.#known(message)?.subscription?.addCredit(message.n)
        break
      case 'publish':
        this.#request(message, () => this.#publish(message))
        break
      case 'ping':
        this.#send({ ...message, type: 'pong' })
        break
      default:
        message satisfies never
    }
  }

  /** Does work that takes the bus some time, and answers it; a failure is an error of that message alone. */
  #request(message: Of<'subscribe' | 'publish'>, work: () => Promise<void>): void {
    this.#pending++
    work()
      .catch((error: unknown) => this.#sendError(error, message.id))
      .finally(() => {
        this.#pending--
        this.#adjustReading()
      })
  }

  async #subscribe({ id, filter = {}, after, from, credit }: Of<'subscribe'>): Promise<void> {
    if (this.#subscriptions.has(id)) throw conflict(`there is a subscription '${id}' on this socket already`)
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS)
      throw conflict(
        `a socket has at most ${MAX_SUBSCRIPTIONS} subscriptions; end one, or open another socket`,
      )
    const { bus } = this.#options
    const slot: Slot = {}
    this.#subscriptions.set(id, slot)
    try {
      const start = { after, from, parameter: 'after' }
      const reader = { name: 'websocket', subscriber: this.#client.ip }
      const opened = await openFeed(bus, filter, start, reader)
      // The client may have ended it, or gone, in the meantime.
      if (this.#subscriptions.get(id) !== slot) return opened.feed.close()
      const subscription = new SocketSubscription(
        id,
        opened,
        this.#outlet,
        credit ?? Number.POSITIVE_INFINITY,
      )
      slot.subscription = subscription
      this.#send({ type: 'ack', request: 'subscribe', id, cursor: subscription.cursor })
      void this.#run(id, slot, subscription)
    } catch (error) {
      if (this.#subscriptions.get(id) === slot) this.#subscriptions.delete(id)
      throw error
    }
  }

  async #run(id: string, slot: Slot, subscription: SocketSubscription): Promise<void> {
    // What fails is the end of the subscription, as the bus's own end is.
    await subscription.run().catch((error: unknown) => this.#sendError(error, id))
    // It was not ended from here, so it was the bus.
    if (this.#subscriptions.get(id) === slot) this.close('stopped')
  }

  #unsubscribe({ id }: Of<'unsubscribe'>): void {
    const slot = this.#known({ id })
    if (slot === undefined) return
    this.#subscriptions.delete(id)
    slot.subscription?.close()
    this.#send({ type: 'ack', request: 'unsubscribe', id })
  }

  #known({ id }: { readonly id: string }): Slot | undefined {
    const slot = this.#subscriptions.get(id)
    if (slot !== undefined) return slot
    const error = new EventsError('EVENTS_NOT_FOUND', `there is no subscription '${id}' on this socket`)
    this.#sendError(error, id)
    return undefined
  }

  async #publish({ id, event }: Of<'publish'>): Promise<void> {
    this.#client.mayPublish(event)
    const { id: eventId, ...rest } = await this.#options.bus.publish(event)
    this.#send({
      type: 'ack',
      request: 'publish',
      ...(id !== undefined && { id }),
      event_id: eventId,
      ...rest,
    })
  }

  #sendError(error: unknown, id: string | undefined): void {
    const { code, detail, errors } = problemOf(error)
    this.#send({
      type: 'error',
      ...(id !== undefined && { id }),
      code,
      message: detail,
      ...(errors !== undefined && { errors }),
    })
  }

  #heard(): void {
    this.#isAlive = true
    this.#adjustReading()
  }

  /** A client that does not take its answers, or asks faster than the bus answers, is not read meanwhile. */
  #adjustReading(): void {
    if (!this.#life.isOpen) return
    const mustPause = this.#pending >= MAX_PENDING || !this.#outlet.hasRoom
    if (mustPause === this.#isPaused) return
    this.#isPaused = mustPause
    if (mustPause) this.#socket.pause()
    else this.#socket.resume()
    if (!this.#outlet.hasRoom) void this.#outlet.room().then(() => this.#heard())
  }

  #beat(): void {
    // While it is not read its pong would not be seen; the stall time says when that has been too long.
    if (!this.#isAlive && !this.#isPaused) this.#socket.terminate()
    this.#isAlive = false
    if (!this.#outlet.hasRoom) return
    this.#socket.ping()
    for (const { subscription } of this.#subscriptions.values()) subscription?.checkpoint()
  }

  async #tooSlow(): Promise<void> {
    const { bus } = this.#options
    const end = await bus.head().catch(() => undefined)
    for (const { subscription } of this.#subscriptions.values()) subscription?.lagged(end?.position ?? 0)
    this.close('too_slow')
  }

  #leave(): void {
    clearInterval(this.#keepAlive)
    this.#outlet.close()
    const slots = [...this.#subscriptions.values()]
    this.#subscriptions.clear()
    for (const { subscription } of slots) subscription?.close()
  }
}

function conflict(message: string): EventsError {
  return new EventsError('EVENTS_CONFLICT', message)
}
