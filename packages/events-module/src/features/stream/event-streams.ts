import type { OutgoingHttpHeaders } from 'node:http'
import type { EventFilter, FeedItem } from '@viewra/events-core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { principalOf } from '../../http/access/principal.ts'
import { OpenConnections } from '../../http/connections/open-connections.ts'
import { type FeedStart, type OpenedFeed, openFeed, writeLogCursor } from '../../http/log-cursor.ts'
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

/** A client's request for a stream. */
export interface StreamRequest {
  readonly filter: EventFilter
  readonly start: FeedStart
  readonly format: StreamFormat
}

/** The open streams of one module, each a connection with a feed of its own. */
export class EventStreams {
  readonly #options: ModuleOptions
  readonly connections: OpenConnections

  constructor(options: ModuleOptions) {
    this.#options = options
    this.connections = new OpenConnections(options)
  }

  /**
   * Makes a stream of the reply: `connected`, then every matching event from where the client wants it.
   * @throws EventsError EVENTS_NOT_RUNNING, EVENTS_INVALID, EVENTS_STORAGE_*; HttpError HTTP_SHUTTING_DOWN; nothing was
   *   sent then
   */
  async open(wanted: StreamRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    this.connections.checkOpen()
    const reader = { name: 'http-stream', subscriber: clientOf(request).ip }
    const opened = await openFeed(this.#options.bus, wanted.filter, wanted.start, reader)
    try {
      const write = (notice: Notice) =>
        wanted.format.notice(notice, writeLogCursor(opened.epoch, opened.feed.position))
      const connection = this.#connect(request, reply, write)
      if (connection !== undefined) await this.#run(connection, opened, wanted, write)
    } finally {
      opened.feed.close()
    }
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
    if (this.connections.isClosing) connection.close('shutdown')
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

  /** Returns undefined if the client has already disconnected. */
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
    this.connections.add(connection, principalOf(request))
    return connection
  }
}
