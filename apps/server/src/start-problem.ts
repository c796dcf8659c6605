import { isEventsError } from '@viewra/events-core'
import type { Config } from './config.ts'

/** The server cannot start as things are; the message says what is in the way, and is all that a person needs. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** Returns what a person can do about a failed start; undefined if the failure is a fault in the program. */
function startProblem(error: unknown, config: Config): string | undefined {
  if (isEventsError(error)) return `Cannot start: ${error.message}`
  const { host, port } = config
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is in use: stop what listens there, or set VIEWRA_EVENTS_PORT to another one`
    case 'EACCES':
      return `Port ${port} is reserved for the system: set VIEWRA_EVENTS_PORT to one from 1024 up`
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${host}: set VIEWRA_EVENTS_HOST to another one`
    default:
      return undefined
  }
}

function systemCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error && 'syscall' in error ? error.code : undefined
}

/** A failed start as a StartError where a person can do something about it; any other error as it is. */
export function startError(error: unknown, config: Config): unknown {
  const problem = startProblem(error, config)
  return problem === undefined ? error : new StartError(problem, { cause: error })
}
