// For the fields of a route's schema that describe it: summary, tags and more.
import type {} from '@fastify/swagger'
import type { EventTypes } from '@viewra/events-core'

/** What a caller may do, each including the one before; a route of `anyone` asks for nothing. */
export const ROLES = ['anyone', 'viewer', 'publisher', 'admin'] as const

export type Role = (typeof ROLES)[number]

export function lowerRole<R extends Role>(a: R, b: R): R {
  return ROLES.indexOf(a) < ROLES.indexOf(b) ? a : b
}

export type AuditType = Extract<keyof EventTypes, `audit.${string}`>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whom the route is for. Every route of this module names one. */
    role?: Role
    /** Whether a ticket, or the cookie that it was changed for, may stand for a token. */
    ticket?: boolean
    /** The record that a successful call leaves; false where the route leaves one itself. Every route of admins has it. */
    audit?: AuditType | false
  }
}
