import { randomBytes } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { HttpError } from '../problem.ts'
import type { Principal } from './principal.ts'

interface Ticket {
  readonly principal: Principal
  readonly expiresMs: number
  used: boolean
}

/** The parameter of routes that accept a ticket; access control has already checked it. */
export const ticketParameter = Type.Optional(
  Type.String({ description: 'Of `POST /tickets`, for clients that cannot send a token.' }),
)

/** A ticket ends up in the logs of proxies, so it is good for the one request that follows. */
const LIFETIME_MS = 30_000
/** The limit of all open tickets: more would be an attack on the memory. */
const MAX_TICKETS = 10_000
/** The limit of one principal's open tickets, so that others get theirs. */
const MAX_OF_ONE = 1_000

/** Tickets of this process: each good once, for a short time, for pages that cannot send a token in a header. */
export class Tickets {
  readonly #tickets = new Map<string, Ticket>()
  /** The number of open tickets, by the principal's name. */
  readonly #counts = new Map<string, number>()

  /** @throws HttpError HTTP_RATE_LIMITED when too many are open */
  issue(principal: Principal, nowMs: number): { readonly ticket: string; readonly expiresMs: number } {
    this.#forgetExpired(nowMs)
    const own = this.#counts.get(principal.name) ?? 0
    if (own >= MAX_OF_ONE) throw tooMany(`'${principal.name}' has ${MAX_OF_ONE} open tickets`)
    if (this.#tickets.size >= MAX_TICKETS) throw tooMany(`there are ${MAX_TICKETS} open tickets`)
    this.#counts.set(principal.name, own + 1)
    const ticket = randomBytes(32).toString('base64url')
    const expiresMs = nowMs + LIFETIME_MS
    this.#tickets.set(ticket, { principal, expiresMs, used: false })
    return { ticket, expiresMs }
  }

  /** Uses up a ticket. Returns the principal that it was issued to, or an error that says why it is no longer valid. */
  redeem(text: string, nowMs: number): Principal | HttpError {
    const ticket = this.#tickets.get(text)
    if (ticket === undefined || nowMs >= ticket.expiresMs) return refused('is unknown or has expired')
    if (ticket.used) return refused('was used already')
    ticket.used = true
    return ticket.principal
  }

  /** They expire in the order in which they were made. Used ones stay until then, so that reuse is told as such. */
  #forgetExpired(nowMs: number): void {
    for (const [text, { principal, expiresMs }] of this.#tickets) {
      if (expiresMs > nowMs) return
      this.#tickets.delete(text)
      this.#countDown(principal.name)
    }
  }

  #countDown(name: string): void {
    const left = (this.#counts.get(name) ?? 0) - 1
    if (left > 0) this.#counts.set(name, left)
    else this.#counts.delete(name)
  }
}

function tooMany(message: string): HttpError {
  return new HttpError('HTTP_RATE_LIMITED', message, {
    headers: { 'retry-after': String(LIFETIME_MS / 1_000) },
  })
}

function refused(what: string): HttpError {
  return new HttpError('HTTP_UNAUTHORIZED', `the ticket ${what}; POST /tickets gives another one`)
}
