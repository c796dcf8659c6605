import { createHmac, timingSafeEqual } from 'node:crypto'
import { parseCookie } from 'cookie'
import type { TokenEntry } from './tokens.ts'

/** How long a page may go on reconnecting on the strength of one ticket: a working day. */
const LIFETIME_MS = 12 * 3_600_000
const NAME = 'viewra_events_stream'

/**
 * What a used ticket is changed for, so that an EventSource, which always asks for the same URL, can reconnect by
 * itself. It has no path: a browser takes that of its request, which a proxy may have changed. It is signed with a key made of the token's hash: it outlives a restart of the server, and dies with the token.
 */
export function streamCookie(entry: TokenEntry, isSecure: boolean, nowMs: number): string {
  const content = Buffer.from(JSON.stringify([entry.name, nowMs + LIFETIME_MS])).toString('base64url')
  const value = `${content}.${signature(entry, content).toString('base64url')}`
  const secure = isSecure ? '; Secure' : ''
  return `${NAME}=${value}; Max-Age=${LIFETIME_MS / 1_000}; HttpOnly; SameSite=Strict${secure}`
}

/** Whose cookie it is; undefined when there is none, or it is not one of ours, or has expired. */
export function readStreamCookie(
  header: string | undefined,
  entries: readonly TokenEntry[],
  nowMs: number,
): TokenEntry | undefined {
  const value = header === undefined ? undefined : parseCookie(header)[NAME]
  const [content, signed] = value?.split('.') ?? []
  if (content === undefined || signed === undefined) return undefined
  const given = Buffer.from(signed, 'base64url')
  const entry = entries.find((one) => isEqual(signature(one, content), given))
  // Only what we have signed is read.
  return entry !== undefined && nowMs < expiryOf(content) ? entry : undefined
}

function signature({ hash }: TokenEntry, content: string): Buffer {
  return createHmac('sha256', `stream-cookie:${hash}`).update(content).digest()
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function expiryOf(content: string): number {
  const [, expiresMs]: unknown[] = JSON.parse(Buffer.from(content, 'base64url').toString())
  return Number(expiresMs)
}
