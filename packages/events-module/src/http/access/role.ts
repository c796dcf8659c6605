// For the fields of a route's schema that describe it: summary, tags and more.
import type {} from '@fastify/swagger'
import type { EventTypes } from '@viewra/events-core'

/** The roles, each including the one before; a route for `anyone` requires nothing. */
export const ROLES = ['anyone', 'viewer', 'publisher', 'admin'] as const

export type Role = (typeof ROLES)[number]

export function lowerRole<R extends Role>(a: R, b: R): R {
  return ROLES.indexOf(a) < ROLES.indexOf(b) ? a : b
}

export type AuditType = Extract<keyof EventTypes, `audit.${string}`>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that may use the route. Every route of this module names one. */
    role?: Role
    /** Whether a ticket, or the cookie that it was exchanged for, may replace a token. */
    ticket?: boolean
    /** The record that a successful call leaves unless it has changed nothing; false where the route leaves one itself. Every route of admins has it. */
    audit?: AuditType | false
  }
}
