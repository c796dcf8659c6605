import type { Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'

/** How long the server waits for its clients, in milliseconds. */
export interface HttpTimeouts {
  /** For a request's head: who sends it byte by byte holds a connection for no longer. */
  readonly headersMs: number
  /** For all of a request, its body included. The answer may take as long as it takes. */
  readonly requestMs: number
  /** For anything at all on a connection. Streams are kept open by their heartbeats, every 30 seconds. */
  readonly idleMs: number
  /** For any part of an answer to be taken. Streams have a time of their own. */
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

/** Longer than the 60 seconds for which proxies keep connections: else they would use one that we are closing. */
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
