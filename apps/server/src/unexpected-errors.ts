import process from 'node:process'
import type { FastifyBaseLogger } from 'fastify'

/** Codes of a system that is short of descriptors, memory, threads or watches: that passes. */
const SHORTAGES: ReadonlySet<unknown> = new Set([
  'EAGAIN',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'ENOSPC',
  'ERR_WORKER_INIT_FAILED',
])

const LOG_PAUSE_MS = 1_000

/**
 * Catches errors that nothing else catches, such as one in a library's timer. Logs a shortage, at most once per second, and
 * continues. Resolves at any other error, because the state that it has left is unknown.
 */
export function unexpectedError(log: FastifyBaseLogger): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let loggedMs = Number.NEGATIVE_INFINITY
  // Node brings unhandled rejections here too.
  process.on('uncaughtException', (error: unknown) => {
    if (!isShortage(error)) {
      log.fatal({ err: error }, 'Unexpected error; the server stops')
      resolve()
      return
    }
    if (performance.now() - loggedMs < LOG_PAUSE_MS) return
    loggedMs = performance.now()
    log.error({ err: error }, 'The system is short of a resource that the server needs; continuing')
  })
  return promise
}

function isShortage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && SHORTAGES.has(error.code)
}
