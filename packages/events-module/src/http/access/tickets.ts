import { randomBytes } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { HttpError } from '../problem.ts'
import type { Principal } from './principal.ts'

interface Ticket {
  readonly principal: Principal
  readonly expiresMs: number
  used: boolean
}

/** For routes that take one; access control has looked at it before. */
export const ticketParameter = Type.Optional(
  Type.String({ description: 'Of `POST /tickets`, for clients that cannot send a token.' }),
)

/** A ticket ends up in the logs of proxies, so it is good for the one request that follows. */
const LIFETIME_MS = 30_000
/** More would be an attack on the memory. */
const MAX_TICKETS = 10_000

/** Tickets of this process: each good once, for a short time, for pages that cannot send a token in a header. */
export class Tickets {
  readonly #tickets = new Map<string, Ticket>()

  /** @throws HttpError HTTP_RATE_LIMITED when too many are open */
  issue(principal: Principal, nowMs: number): { readonly ticket: string; readonly expiresMs: number } {
    this.#forgetExpired(nowMs)
    if (this.#tickets.size >= MAX_TICKETS) {
      const headers = { 'retry-after': String(LIFETIME_MS / 1_000) }
      throw new HttpError('HTTP_RATE_LIMITED', `there are ${MAX_TICKETS} open tickets`, { headers })
    }
    const ticket = randomBytes(32).toString('base64url')
    const expiresMs = nowMs + LIFETIME_MS
    this.#tickets.set(ticket, { principal, expiresMs, used: false })
    return { ticket, expiresMs }
  }

  /** Whom the ticket was given to, and it is used up by that; an error that says why it is good no more. */
  redeem(text: string, nowMs: number): Principal | HttpError {
    const ticket = this.#tickets.get(text)
    if (ticket === undefined || nowMs >= ticket.expiresMs) return refused('is unknown or has expired')
    if (ticket.used) return refused('was used already')
    ticket.used = true
    return ticket.principal
  }

  /** They expire in the order in which they were made. Used ones stay until then, so that reuse is told as such. */
  #forgetExpired(nowMs: number): void {
    for (const [text, { expiresMs }] of this.#tickets) {
      if (expiresMs > nowMs) return
      this.#tickets.delete(text)
    }
  }
}

function refused(what: string): HttpError {
  return new HttpError('HTTP_UNAUTHORIZED', `the ticket ${what}; POST /tickets gives another one`)
}
