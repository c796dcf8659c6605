import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { HttpError } from '../problem.ts'
import type { Principal } from './principal.ts'
import { lowerRole } from './role.ts'

/** A token as it is kept: whoever reads it cannot use it. */
export interface TokenEntry extends Principal {
  /** SHA-256 of the token's text, in hexadecimal. */
  readonly hash: string
}

const TOKEN_BYTES = 32

/**
 * Makes a token: the text for its user, and the hash to keep. It has 256 random bits, so one round of SHA-256 is
 * enough: there is nothing to guess, which is what slow hashes are for.
 */
export function createToken(): { readonly token: string; readonly hash: string } {
  const token = `vwe_${randomBytes(TOKEN_BYTES).toString('base64url')}`
  return { token, hash: digest(token).toString('hex') }
}

/** The entry of a token. All are compared, each in constant time: how long it takes tells nothing about any of them. */
export function findToken(entries: readonly TokenEntry[], token: string): TokenEntry | undefined {
  const wanted = digest(token)
  let found: TokenEntry | undefined
  for (const entry of entries) {
    const hash = Buffer.from(entry.hash, 'hex')
    if (hash.length === wanted.length && timingSafeEqual(hash, wanted)) found ??= entry
  }
  return found
}

/**
 * The same principal as the list has it by now, with no higher a role than it came with: a cookie's is a viewer.
 * @throws HttpError HTTP_UNAUTHORIZED when its token was taken away since
 */
export function requireCurrent(entries: readonly TokenEntry[], principal: Principal): TokenEntry {
  const hash = 'hash' in principal ? principal.hash : undefined
  const entry = entries.find((one) => one.name === principal.name && one.hash === hash)
  if (entry === undefined) throw new HttpError('HTTP_UNAUTHORIZED', 'the token was taken away')
  return { ...entry, role: lowerRole(entry.role, principal.role) }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
