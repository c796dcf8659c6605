import { guardedLogger } from '@viewra/events-core'
import type { FastifyRequest } from 'fastify'

/** Logs what a client caused, at debug: at info anybody could fill the log. A logger that throws costs the line. */
export function logClientFault({ log }: FastifyRequest, details: object, message: string): void {
  const debug = (line: object, text: string) => log.debug(line, text)
  guardedLogger({ info: debug, warn: debug, error: debug }).info(details, message)
}
