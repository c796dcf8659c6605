import type { OutgoingHttpHeaders } from 'node:http'
import { type EventFilter, EventsError, type FeedItem } from '@viewra/events-core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { principalOf } from '../../http/access/principal.ts'
import { TokenWatch } from '../../http/access/token-watch.ts'
import { type FeedStart, type OpenedFeed, openFeed, writeLogCursor } from '../../http/log-cursor.ts'
import { HttpError } from '../../http/problem.ts'
import { clientOf } from '../../http/request/client.ts'
import type { ModuleOptions } from '../../options.ts'
import { StreamConnection } from './connection.ts'
import { type Notice, noticeOf, type StreamFormat } from './frames.ts'
import { injectionOf } from './injection.ts'

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // A proxy that compresses or buffers would hold events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const satisfies OutgoingHttpHeaders

/** What a client asks for. */
export interface StreamRequest {
  readonly filter: EventFilter
  readonly start: FeedStart
  readonly format: StreamFormat
}

/** The open streams of one module, each a connection with a feed of its own. */
export class EventStreams {
  readonly #options: ModuleOptions
  readonly #open = new Set<StreamConnection>()
  readonly #tokens: TokenWatch
  #closing = false

  constructor(options: ModuleOptions) {
    this.#options = options
    this.#tokens = new TokenWatch(options.tokens)
  }

  /**
   * Makes a stream of the reply: `connected`, then every matching event from where the client wants it.
   * @throws EventsError EVENTS_NOT_RUNNING, EVENTS_INVALID, EVENTS_STORAGE_*; HttpError HTTP_SHUTTING_DOWN; nothing was
   *   sent then
   */
  async open(wanted: StreamRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { bus } = this.#options
    if (this.#closing) throw new HttpError('HTTP_SHUTTING_DOWN', 'the server is shutting down')
    if (!bus.running) throw new EventsError('EVENTS_NOT_RUNNING', 'the event bus is not running')
    const reader = { name: 'http-stream', subscriber: clientOf(request).ip }
    const opened = await openFeed(bus, wanted.filter, wanted.start, reader)
    try {
      const write = (notice: Notice) =>
        wanted.format.notice(notice, writeLogCursor(opened.epoch, opened.feed.position))
      const connection = this.#connect(request, reply, write)
      if (connection !== undefined) await this.#run(connection, opened, wanted, write)
    } finally {
      opened.feed.close()
    }
  }

  /** Says goodbye to everybody. Resolves when all are gone; those who do not take their leave are cut off. */
  async close(): Promise<void> {
    this.#closing = true
    for (const connection of this.#open) connection.close('shutdown')
    await Promise.all(Array.from(this.#open, (connection) => connection.closed))
  }

  /** Resolves when the connection is gone. */
  async #run(
    connection: StreamConnection,
    { feed, epoch, isReset }: OpenedFeed,
    { filter, format, start }: StreamRequest,
    write: (notice: Notice) => string,
  ): Promise<void> {
    // At once, although the last frame may take its time.
    void connection.left.then(() => feed.close())
    await connection.send(write({ type: 'connected', subscription: feed.id, filter }))
    if (isReset) await connection.send(write({ type: 'reset' }))
    // The app may have begun to close while this was under way.
    if (this.#closing) connection.close('shutdown')
    let isQuiet = !format.announcesLive && start.after === undefined && start.from !== 'beginning'
    const send = (item: FeedItem): Promise<void> | undefined => {
      const isSilent = isQuiet && item.kind === 'caught_up'
      isQuiet = false
      if (isSilent) return undefined
      return connection.send(
        item.kind === 'events' ? format.events(item.events, epoch) : write(noticeOf(item)),
      )
    }
    const sendUpToNow = async (item: FeedItem): Promise<void> => {
      await send(item)
      if (item.kind === 'caught_up') connection.end()
    }
    // Nobody else would close the connection of a feed that fails.
    await feed.follow(connection.isEndless ? send : sendUpToNow).finally(() => connection.close('stopped'))
    await connection.closed
  }

  /** Nothing when the client has gone already. */
  #connect(
    request: FastifyRequest,
    reply: FastifyReply,
    write: (notice: Notice) => string,
  ): StreamConnection | undefined {
    // Hooks of the app, such as for CORS, have set headers on the reply, which is not what is sent from here on.
    for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...STREAM_HEADERS })) {
      if (value !== undefined) reply.raw.setHeader(name, value)
    }
    reply.hijack()
    if (reply.raw.destroyed) return undefined
    // The host's inactivity time-out is meant for requests; a quiet stream is not idle.
    if (injectionOf(reply.raw) === undefined) request.raw.socket.setTimeout(0)
    // Otherwise the socket would outlive the stream and hold up the server's close.
    reply.raw.shouldKeepAlive = false
    const connection = new StreamConnection(reply.raw, {
      heartbeatMs: this.#options.heartbeatMs,
      stallMs: this.#options.streamStallMs,
      heartbeat: () => write({ type: 'heartbeat' }),
      goodbye: (reason) => write({ type: 'bye', reason }),
    })
    this.#open.add(connection)
    this.#tokens.add(principalOf(request), () => connection.close('revoked'), connection.left)
    void connection.closed.then(() => this.#open.delete(connection))
    return connection
  }
}
