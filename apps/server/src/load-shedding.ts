import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** From where on the server turns work away. */
export interface LoadLimits {
  /** Mean delay of the event loop, in milliseconds, within one sample; each publish would wait several times as long. */
  readonly eventLoopDelayMs: number
  readonly heapBytes: number
  readonly rssBytes: number
  /** How many reads of the store are answered at once; those that follow are refused, and do not wait. */
  readonly reads: number
  /** How often the load is looked at, in milliseconds. */
  readonly sampleMs: number
}

/** Above it, garbage collection takes the time that is left, and then the process ends. */
const MEMORY_SHARE = 0.85

/** More would only wait for each other: the store reads on one thread, or over some ten connections. */
const MAX_READS = 64

/** As this process and its container are. */
export function defaultLimits(): LoadLimits {
  const memoryBytes = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem())
  return {
    eventLoopDelayMs: 500,
    heapBytes: getHeapStatistics().heap_size_limit * MEMORY_SHARE,
    rssBytes: memoryBytes * MEMORY_SHARE,
    reads: MAX_READS,
    sampleMs: 500,
  }
}

/** Answered by the module as HTTP_OVERLOADED: it knows the plugin's code. */
class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
  readonly code = 'FST_UNDER_PRESSURE'
  readonly statusCode = 503
}

/**
 * Refuses, before a body is read or a token looked at, what the server has no room for: new publishes and streams while
 * the process is overloaded, and reads beyond a fixed number. What operators ask, what admins do and streams that are
 * open are left alone.
 */
export async function shedLoad(app: FastifyInstance, limits: LoadLimits): Promise<void> {
  let reads = 0
  app.addHook('onRequest', async (request, reply) => {
    if (!isRead(request)) return
    if (reads >= limits.reads) throw new OverloadedError('too many reads are under way')
    reads += 1
    // Also when the client is gone before its answer.
    reply.raw.once('close', () => {
      reads -= 1
    })
  })
  await app.register(underPressure, {
    maxEventLoopDelay: limits.eventLoopDelayMs,
    maxHeapUsedBytes: limits.heapBytes,
    maxRssBytes: limits.rssBytes,
    sampleInterval: limits.sampleMs,
    pressureHandler: async (request: FastifyRequest, _reply: FastifyReply, type: string) => {
      if (canWait(request)) throw new OverloadedError(`overloaded: ${type}`)
    },
  })
}

/** One that ends: streams are counted where they are open. */
function isRead({ routeOptions: { config } }: FastifyRequest): boolean {
  return config.role === 'viewer' && config.ticket !== true
}

function canWait({ routeOptions: { config } }: FastifyRequest): boolean {
  return config.role === 'publisher' || config.ticket === true
}
