import type { FastifyReply } from 'fastify'
import type { EventsScope } from '../feature.ts'
import { HttpError } from './problem.ts'
import { abortedWith } from './request/client-gone.ts'

/** The milliseconds for which queries in progress may continue when the app closes; it waits for their answers. */
const CLOSING_MS = 1_000

/** Runs a query of the store with a signal that aborts when its answer is no longer needed. */
export type Ask = <T>(reply: FastifyReply, query: (signal: AbortSignal) => Promise<T>) => Promise<T>

/**
 * Gives queries up when their time is over, their client is gone, or the app closes.
 * @returns what runs a query; it throws HttpError HTTP_QUERY_TIMEOUT, HTTP_CLIENT_GONE, HTTP_SHUTTING_DOWN
 */
export function timedQueries(scope: EventsScope, timeoutMs: number): Ask {
  const underWay = new Set<AbortController>()
  scope.addHook('preClose', async () => {
    const giveUp = () => {
      for (const controller of underWay) controller.abort(closing())
    }
    setTimeout(giveUp, CLOSING_MS).unref()
  })
  return async (reply, query) => {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(tookTooLong(timeoutMs)), timeoutMs)
    const gone = abortedWith(reply)
    const leave = () => controller.abort(gone.reason)
    gone.addEventListener('abort', leave, { once: true })
    underWay.add(controller)
    try {
      gone.throwIfAborted()
      return await query(controller.signal)
    } finally {
      clearTimeout(timer)
      gone.removeEventListener('abort', leave)
      underWay.delete(controller)
    }
  }
}

function tookTooLong(timeoutMs: number): HttpError {
  return new HttpError(
    'HTTP_QUERY_TIMEOUT',
    `the query was given up after ${timeoutMs} ms: narrow it down by type, source, tags or time, page by cursor instead of a large offset, or leave out the total with count=none`,
  )
}

function closing(): HttpError {
  return new HttpError('HTTP_SHUTTING_DOWN', 'the server closes; ask again when it is back')
}
