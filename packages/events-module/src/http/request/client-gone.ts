import type { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { HttpError } from '../problem.ts'

/** One signal for all requests of a connection: making one for each would cost as much as checking its event. */
const signals = new WeakMap<EventEmitter, AbortSignal>()

/**
 * Aborted when the client is gone: an event that waits for room would be stored for nobody, and sent again by a client
 * that never heard of it.
 */
export function abortedWith({ request }: FastifyReply): AbortSignal {
  // In HTTP/2 Node has it stand for the request's own stream, which can be given up without the others of its connection.
  const { socket } = request.raw
  const known = signals.get(socket)
  if (known !== undefined) return known
  const signal = signalOf(socket)
  signals.set(socket, signal)
  return signal
}

function signalOf(closing: EventEmitter): AbortSignal {
  const controller = new AbortController()
  closing.once('close', () => controller.abort(new HttpError('HTTP_CLIENT_GONE', 'the client did not wait')))
  return controller.signal
}
