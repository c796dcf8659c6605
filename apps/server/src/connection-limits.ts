import process from 'node:process'
import type { ConnectionLimits } from './connections.ts'
import type { HttpTimeouts } from './http-limits.ts'
import { memoryBytes } from './load-shedding.ts'

/** Descriptors for the store, the log, files that are served and whatever Node itself needs. */
const KEPT_DESCRIPTORS = 192
/** The share of the descriptors that connections get where there are few of them. */
const LEAST_SHARE = 0.5
/** The memory of a connection, with its buffers. */
const BYTES_PER_CONNECTION = 65_536
/** A proxy, behind which many clients have one address, gets most; the rest is for those who come another way. */
const SHARE_OF_ADDRESS = 0.75
/** Smaller, so that one client's streams leave room for others behind the same proxy. */
const SHARE_OF_STREAMS = 0.5
const UNREAD_SHARE = 0.1

/** Returns how many connections the system has room for, and how much they may hold. */
export function connectionLimits({ stallMs }: HttpTimeouts): ConnectionLimits {
  const descriptors = descriptorLimit()
  const spared = Math.max(descriptors - KEPT_DESCRIPTORS, Math.floor(descriptors * LEAST_SHARE))
  const connections = Math.min(spared, Math.floor(memoryBytes() / BYTES_PER_CONNECTION))
  return {
    connections,
    perAddress: Math.ceil(connections * SHARE_OF_ADDRESS),
    pipelined: 32,
    unreadBytes: memoryBytes() * UNREAD_SHARE,
    stallMs,
  }
}

/** Returns how many of the connections one token may use for streams. */
export function streamsPerOwner(connections: number): number {
  return Math.ceil(connections * SHARE_OF_STREAMS)
}

/** Returns the limit of open files; infinite where the system has none, or does not report it. */
function descriptorLimit(): number {
  const report: { userLimits?: { open_files?: { soft: unknown } } } = process.report.getReport()
  const soft = report.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}
