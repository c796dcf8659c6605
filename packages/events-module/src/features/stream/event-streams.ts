import type { OutgoingHttpHeaders } from 'node:http'
import { type EventFilter, EventsError, type PublishedEvent, type Subscription } from '@viewra/events-core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientOf } from '../../http/client.ts'
import { HttpError } from '../../http/problem.ts'
import type { ModuleOptions } from '../../options.ts'
import { StreamConnection } from './connection.ts'

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // A proxy that compresses or buffers would hold events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const satisfies OutgoingHttpHeaders

/** The connection gives up on a client before the bus would give up on the handler that waits for it. */
const HANDLER_MARGIN_MS = 60_000

/** The open streams of one module, each a connection with a subscription of its own. */
export class EventStreams {
  readonly #options: ModuleOptions
  readonly #open = new Set<StreamConnection>()
  #closing = false

  constructor(options: ModuleOptions) {
    this.#options = options
  }

  /**
   * Makes a stream of the reply: `connected`, then every matching event that is published from then on.
   * @throws EventsError EVENTS_NOT_RUNNING, EVENTS_INVALID; HttpError HTTP_SHUTTING_DOWN; nothing was sent then
   */
  async open(filter: EventFilter, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (this.#closing) throw new HttpError('HTTP_SHUTTING_DOWN', 'the server is shutting down')
    // Subscribing comes first, so that nothing is missed after `connected`; events wait until that is sent.
    const opened = Promise.withResolvers<StreamConnection | undefined>()
    const subscription = await this.#subscribe(filter, clientOf(request).ip, opened.promise)
    try {
      const connection = this.#connect(request, reply)
      await connection?.send({ type: 'connected', data: { subscription: subscription.id, filter } })
      opened.resolve(connection)
      // The app may have begun to close while this was under way.
      if (this.#closing) connection?.close('shutdown')
      await connection?.closed
    } finally {
      // Deliveries that still wait for a connection go on without one.
      opened.resolve(undefined)
      await subscription.unsubscribe()
    }
  }

  /** Says goodbye to everybody. Resolves when all are gone; those who do not take their leave are cut off. */
  async close(): Promise<void> {
    this.#closing = true
    for (const connection of this.#open) connection.close('shutdown')
    await Promise.all(Array.from(this.#open, (connection) => connection.closed))
  }

  #subscribe(
    filter: EventFilter,
    ip: string,
    opened: Promise<StreamConnection | undefined>,
  ): Promise<Subscription> {
    const { bus, streamQueueEvents, streamStallMs } = this.#options
    // The bus would take a subscription for its next start.
    if (!bus.running) throw new EventsError('EVENTS_NOT_RUNNING', 'the event bus is not running')
    const deliver = async (event: PublishedEvent) => (await opened)?.send({ type: 'event', data: event })
    return bus.subscribe(filter, deliver, {
      name: 'http-stream',
      subscriber: ip,
      queueEvents: streamQueueEvents,
      onQueueFull: 'disconnect',
      handlerTimeoutMs: streamStallMs + HANDLER_MARGIN_MS,
      // A second attempt would send the event twice.
      retry: { attempts: 1 },
      onEnd: (reason) =>
        void opened.then((open) => open?.close(reason === 'queue_full' ? 'too_slow' : 'stopped')),
    })
  }

  /** Nothing when the client has gone already. */
  #connect(request: FastifyRequest, reply: FastifyReply): StreamConnection | undefined {
    // Hooks of the app, such as for CORS, have set headers on the reply, which is not what is sent from here on.
    for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...STREAM_HEADERS })) {
      if (value !== undefined) reply.raw.setHeader(name, value)
    }
    reply.hijack()
    if (reply.raw.destroyed) return undefined
    // The host's inactivity time-out is meant for requests; a quiet stream is not idle.
    request.raw.socket.setTimeout(0)
    // Otherwise the socket would outlive the stream and hold up the server's close.
    reply.raw.shouldKeepAlive = false
    const { heartbeatMs, streamStallMs } = this.#options
    const connection = new StreamConnection(reply.raw, { heartbeatMs, stallMs: streamStallMs })
    this.#open.add(connection)
    void connection.closed.then(() => this.#open.delete(connection))
    return connection
  }
}
