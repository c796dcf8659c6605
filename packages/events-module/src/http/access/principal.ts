import { compileFilter, type EventFilter, type EventInput, type Issue } from '@viewra/events-core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpError } from '../problem.ts'
import { ROLES, type Role } from './role.ts'

/** The sender of a request, and what it may do. */
export interface Principal {
  /** The name in records and limits: that of a token, or what the host app calls its user. */
  readonly name: string
  readonly role: Exclude<Role, 'anyone'>
  /** What it may publish as: exact sources, or prefixes that end in `*`. Everything when absent. */
  readonly sources?: readonly string[]
  /** What it may publish: exact types, or all below `scan` as `scan.*`. Everything when absent. */
  readonly types?: readonly string[]
}

/** Records of what admins did, which nobody else may write. */
const RESERVED_TYPES = /^audit(\.|$)/

const PRINCIPAL = Symbol('principal')

declare module 'fastify' {
  interface FastifyRequest {
    [PRINCIPAL]?: Principal | undefined
  }
}

/** Gives the requests of a scope room for who sent them: an entry of a WeakMap for each would cost more than the rest. */
export function keepPrincipals(scope: FastifyInstance): void {
  scope.decorateRequest(PRINCIPAL, undefined)
}

export function setPrincipal(request: FastifyRequest, principal: Principal): void {
  request[PRINCIPAL] = principal
}

/** Returns the sender of the request; undefined on routes for anyone, where nobody has to identify themselves. */
export function principalOf(request: FastifyRequest): Principal | undefined {
  return request[PRINCIPAL]
}

/** @throws HttpError HTTP_FORBIDDEN when the role is not enough */
export function requireRole(principal: Principal | undefined, role: Role): void {
  const { name, role: own } = principal ?? { name: 'nobody', role: 'anyone' }
  if (ROLES.indexOf(own) >= ROLES.indexOf(role)) return
  throw new HttpError('HTTP_FORBIDDEN', `this is for the role '${role}'; '${name}' has '${own}'`)
}

/**
 * Whether the sender may publish the event.
 * @param at what comes before the field's name in messages, such as `3.` in a batch
 * @throws HttpError HTTP_FORBIDDEN that names the field
 */
export function checkMayPublish(
  principal: Principal | undefined,
  input: Pick<EventInput, 'type' | 'source'>,
  at = '',
): void {
  if (RESERVED_TYPES.test(input.type))
    throw forbidden(`${at}type`, 'must not begin with audit: such events are records of this server')
  if (principal === undefined) return
  const { name, types, sources } = principal
  if (!allows({ types }, input))
    throw forbidden(`${at}type`, `must be ${anyOf(types)}, which is all that '${name}' may publish`)
  if (!allows({ sources }, input))
    throw forbidden(`${at}source`, `must be ${anyOf(sources)}, which is all that '${name}' may publish as`)
}

/** A principal has few limits and the same filter objects would be made for each of its requests. */
const matchers = new WeakMap<readonly string[], (input: Pick<EventInput, 'type' | 'source'>) => boolean>()

interface Limit {
  readonly types?: readonly string[] | undefined
  readonly sources?: readonly string[] | undefined
}

function allows({ types, sources }: Limit, input: Pick<EventInput, 'type' | 'source'>): boolean {
  const list = types ?? sources
  if (list === undefined) return true
  const matches = matchers.get(list) ?? matcher({ ...(types && { types }), ...(sources && { sources }) })
  matchers.set(list, matches)
  return matches(input)
}

function matcher(filter: EventFilter): (input: Pick<EventInput, 'type' | 'source'>) => boolean {
  const matches = compileFilter(filter)
  return ({ type, source }) => matches({ ...BLANK_EVENT, type, source })
}

/** The fields that a filter of types and sources does not examine. */
const BLANK_EVENT = {
  id: '',
  target: '',
  title: '',
  message: '',
  data: {},
  priority: 0,
  tags: [],
  timestamp: '',
} as const

function anyOf(list: readonly string[] = []): string {
  return list.map((one) => `'${one}'`).join(' or ')
}

function forbidden(path: string, message: string): HttpError {
  const issue: Issue = { path, message }
  return new HttpError('HTTP_FORBIDDEN', `${path} ${message}`, { issues: [issue] })
}
