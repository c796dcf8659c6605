import { totalmem } from 'node:os'
import process from 'node:process'
import { getHeapStatistics } from 'node:v8'
import { HttpError, principalOf } from '@viewra/events-module'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ProcessLoad } from './process-load.ts'
import { type TurnLimits, Turns } from './turns.ts'

/** The limits above which the server refuses work. */
export interface LoadLimits {
  /** Mean delay of the event loop, in milliseconds, within one sample; each publish would wait several times as long. */
  readonly eventLoopDelayMs: number
  readonly heapBytes: number
  readonly rssBytes: number
  /** The interval between two samples of the load, in milliseconds. */
  readonly sampleMs: number
  /** Reads of the store. */
  readonly reads: TurnLimits
  /** Batches, whose bodies are large. */
  readonly batches: TurnLimits
  /** Files of the documentation, each of which needs a descriptor until the client has taken it. */
  readonly files: TurnLimits
  /** Streams and sockets of one owner. */
  readonly streamsPerOwner: number
}

/** Above this share, garbage collection uses up the remaining time, and then the process ends. */
const MEMORY_SHARE = 0.85

/** Returns limits that fit this process and its container. */
export function defaultLimits(): Omit<LoadLimits, 'streamsPerOwner'> {
  return {
    eventLoopDelayMs: 500,
    heapBytes: getHeapStatistics().heap_size_limit * MEMORY_SHARE,
    rssBytes: memoryBytes() * MEMORY_SHARE,
    sampleMs: 500,
    // More at once would only wait for each other: the store reads on one thread, or over some five connections.
    reads: { atOnce: 64, perOwner: 3, waiting: 64 },
    batches: { atOnce: 8, perOwner: 1, waiting: 64 },
    // Answers of one connection go out one after another anyway.
    files: { atOnce: 32, perOwner: 1, waiting: 64 },
  }
}

/** The memory of the machine, or of the container. */
export function memoryBytes(): number {
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem())
}

/** Returns the owner of a request, among whom capacity is shared: its token, or its connection if there are no tokens. */
export type OwnerOf = (request: FastifyRequest) => unknown

export function ownerOf(hasTokens: boolean): OwnerOf {
  return hasTokens ? (request) => principalOf(request)?.name : (request) => request.raw.socket
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Gives the request's turn back; null while it has none. */
    endTurn: (() => void) | null
  }
}

/**
 * Refuses what the server has no capacity for, once the sender is known and before a body is read: new publishes and streams
 * while the process is overloaded. Shares the rest among owners, so that no client can monopolise it. Requests of operators
 * and admins, and open streams, are not affected.
 */
export function shedLoad(app: FastifyInstance, limits: LoadLimits, owner: OwnerOf): void {
  const load = new ProcessLoad(limits)
  app.addHook('onClose', async () => load.stop())
  app.addHook('onRequest', (request, _reply, done) => {
    const excess = canWait(request) ? load.excess : undefined
    done(excess === undefined ? undefined : overloaded(excess))
  })
  limitStreams(app, limits.streamsPerOwner, owner)
  shareWork(app, limits, owner)
}

function canWait({ routeOptions: { config } }: FastifyRequest): boolean {
  return config.role === 'publisher' || config.ticket === true
}

/** Limits the streams of each owner, counted by their connections, which end with them. */
function limitStreams(app: FastifyInstance, perOwner: number, ownerOf: OwnerOf): void {
  const streams = new Map<unknown, Set<unknown>>()
  app.addHook('preParsing', (request, _reply, _payload, done) => {
    if (request.routeOptions.config.ticket !== true) return done()
    const { socket } = request.raw
    const owner = ownerOf(request)
    const own = streams.get(owner) ?? new Set()
    if (own.has(socket)) return done()
    if (own.size >= perOwner) return done(overloaded(`this client has ${perOwner} streams open`))
    streams.set(owner, own.add(socket))
    socket.once('close', () => {
      own.delete(socket)
      if (own.size === 0) streams.delete(owner)
    })
    done()
  })
}

interface Work {
  readonly turns: Turns
  readonly owner: unknown
  /** Whether the work ends only when the client has read the answer. */
  readonly untilTaken: boolean
}

/** Makes requests wait for their turn, which they keep while they are being handled. */
function shareWork(app: FastifyInstance, limits: LoadLimits, owner: OwnerOf): void {
  const workOf = kindsOfWork(limits, owner)
  app.decorateRequest('endTurn', null)
  app.addHook('preParsing', (request, reply, _payload, done) => {
    const work = workOf(request)
    const turn = work?.turns.take(work.owner)
    if (work === undefined || turn === undefined) return done()
    if (turn === false) return done(overloaded('too many requests of this client are waiting'))
    const begin = () => {
      beginWork(work, request, reply)
      const isGone = request.raw.socket.destroyed
      done(isGone ? new HttpError('HTTP_CLIENT_GONE', 'the client disconnected') : undefined)
    }
    if (turn === true) begin()
    else void turn.then(begin)
  })
  // All that can take long has been done then, also when it failed. Taking the answer is the client's work.
  app.addHook('onSend', (request, _reply, payload, done) => {
    request.endTurn?.()
    done(null, payload)
  })
}

function kindsOfWork(limits: LoadLimits, owner: OwnerOf): (request: FastifyRequest) => Work | undefined {
  const reads = new Turns(limits.reads)
  const batches = new Turns(limits.batches)
  const files = new Turns(limits.files)
  return (request) => {
    const { config, bodyLimit } = request.routeOptions
    if (config.role === undefined) return { turns: files, owner: request.raw.socket, untilTaken: true }
    const isBatch = config.role === 'publisher' && bodyLimit !== request.server.initialConfig.bodyLimit
    if (isBatch) return { turns: batches, owner: owner(request), untilTaken: false }
    const isRead = config.role === 'viewer' && config.ticket !== true
    return isRead ? { turns: reads, owner: owner(request), untilTaken: false } : undefined
  }
}

function beginWork({ turns, owner, untilTaken }: Work, request: FastifyRequest, reply: FastifyReply): void {
  const { socket } = request.raw
  const end = () => {
    request.endTurn = null
    reply.raw.off('close', end)
    socket.off('close', end)
    turns.giveBack(owner)
  }
  if (!untilTaken) {
    request.endTurn = end
    return
  }
  reply.raw.once('close', end)
  // An answer that waits behind others is not told that its connection is gone.
  socket.once('close', end)
  if (socket.destroyed) end()
}

function overloaded(reason: string): HttpError {
  return new HttpError(
    'HTTP_OVERLOADED',
    `the request was not processed, because ${reason}; send it again later`,
  )
}
