import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { parseCookie } from 'cookie'
import type { Principal } from './principal.ts'
import type { TokenEntry } from './tokens.ts'

const HOUR_MS = 3_600_000
/** The time for which a page may reconnect with one ticket: a working day. A cookie ends with its token. */
const TOKEN_LIFETIME_MS = 12 * HOUR_MS
/** The host app cannot be asked whether its user still may, so it is asked for a new ticket every hour. */
const HOST_LIFETIME_MS = HOUR_MS
const NAME = 'viewra_events_stream'
const SECRET_BYTES = 32

interface CookieHolder {
  readonly name: string
  /** The token's hash; '' for a user of the host app. */
  readonly hash: string
}

/**
 * Makes and reads the cookies for which tickets are changed, so that an EventSource, which always asks for the same URL,
 * can reconnect by itself. A cookie lets its holder read and nothing else. Its signature depends on the token's hash as
 * well, so that it ends with the token; the hash alone signs nothing.
 */
export class StreamCookies {
  readonly #secret: string | Buffer

  /** @param secret signs the cookies; a random one, which is gone with the process, when undefined */
  constructor(secret: string | undefined) {
    this.#secret = secret ?? randomBytes(SECRET_BYTES)
  }

  /**
   * Returns the header that gives a cookie. It has no path: the browser takes that of the request, which behind a proxy, or
   * below a prefix with variables, it alone knows.
   */
  issue({ name, hash }: CookieHolder, isSecure: boolean, nowMs: number): string {
    const lifetimeMs = hash === '' ? HOST_LIFETIME_MS : TOKEN_LIFETIME_MS
    const content = Buffer.from(JSON.stringify([name, nowMs + lifetimeMs])).toString('base64url')
    const value = `${content}.${this.#signature(content, hash).toString('base64url')}`
    const secure = isSecure ? '; Secure' : ''
    return `${NAME}=${value}; Max-Age=${lifetimeMs / 1_000}; HttpOnly; SameSite=Strict${secure}`
  }

  /**
   * Returns whose cookie it is; undefined when there is none, or it is not one of ours, or has expired.
   * @param tokens undefined when the host app says who is who
   */
  read(
    header: string | undefined,
    tokens: readonly TokenEntry[] | undefined,
    nowMs: number,
  ): Principal | undefined {
    const value = header === undefined ? undefined : parseCookie(header)[NAME]
    const [content, signed] = value?.split('.') ?? []
    if (content === undefined || signed === undefined) return undefined
    const given = Buffer.from(signed, 'base64url')
    const isSignedFor = (hash: string) => isEqual(this.#signature(content, hash), given)
    const entry = tokens?.find(({ hash }) => isSignedFor(hash))
    if (tokens === undefined ? !isSignedFor('') : entry === undefined) return undefined
    // Only what we have signed is read.
    const { name, expiresMs } = contentOf(content)
    return nowMs < expiresMs ? { ...entry, name, role: 'viewer' } : undefined
  }

  #signature(content: string, hash: string): Buffer {
    return createHmac('sha256', this.#secret).update(`stream-cookie:${hash}:${content}`).digest()
  }
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function contentOf(content: string): { readonly name: string; readonly expiresMs: number } {
  const [name, expiresMs]: unknown[] = JSON.parse(Buffer.from(content, 'base64url').toString())
  return { name: String(name), expiresMs: Number(expiresMs) }
}
