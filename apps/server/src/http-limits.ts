import type { Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'

/** The times for which the server waits for its clients, in milliseconds. */
export interface HttpTimeouts {
  /** The time for a request's head: a client that sends it byte by byte holds a connection no longer than this. */
  readonly headersMs: number
  /** The time for a whole request, including its body. The answer is not limited by it. */
  readonly requestMs: number
  /** The time after which a silent connection is closed. Heartbeats every 30 seconds keep streams open. */
  readonly idleMs: number
  /** The time within which a client must read some part of an answer. Streams have a limit of their own. */
  readonly stallMs: number
  /** Pause between two looks for requests that are late. */
  readonly checkMs: number
}

/** A batch of 32 MiB comes within a minute over 5 Mbit/s. */
export const HTTP_TIMEOUTS: HttpTimeouts = {
  headersMs: 10_000,
  requestMs: 60_000,
  idleMs: 120_000,
  stallMs: 30_000,
  checkMs: 1_000,
}

/** More than the 60 seconds for which proxies keep connections; otherwise they would use one that is being closed. */
const KEEP_ALIVE_MS = 72_000
const MAX_HEADER_BYTES = 16_384

export function httpOptions({ headersMs, requestMs, idleMs, checkMs }: HttpTimeouts) {
  return {
    requestTimeout: requestMs,
    connectionTimeout: idleMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: headersMs,
      connectionsCheckingInterval: checkMs,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
  } satisfies FastifyHttpOptions<Server>
}
