import { type EventBus, guardedLogger } from '@viewra/events-core'
import type { FastifyRequest } from 'fastify'
import type { EventsScope } from '../feature.ts'
import { principalOf } from './access/principal.ts'
import type { AuditType } from './access/role.ts'
import { clientOf } from './request/client.ts'

/** Requests that turned out to change nothing. */
const unchanged = new WeakSet<FastifyRequest>()

/** Has a call that changes nothing leave no event. */
export function skipAudit(request: FastifyRequest): void {
  unchanged.add(request)
}

/**
 * Has each successful call of a route with an `audit` leave one event of that type: who did what, with what, from
 * where. It is stored before the answer goes out.
 */
export function recordAudits(scope: EventsScope, bus: EventBus): void {
  scope.addHook<unknown>('onSend', (request, reply, payload, done) => {
    const { audit } = request.routeOptions.config
    const isChange = !isDryRun(request.body) && !unchanged.has(request)
    if (typeof audit !== 'string' || reply.statusCode >= 400 || !isChange) done()
    else void record(bus, request, audit).then(() => done(null, payload))
  })
}

/** Never rejects: what was done is done, and the caller has to be told that. */
async function record(bus: EventBus, request: FastifyRequest, audit: AuditType): Promise<void> {
  const { name } = principalOf(request) ?? { name: 'unknown' }
  const body = isObject(request.body) ? { request: request.body } : {}
  const details = { principal: name, ...clientOf(request), target: request.params, ...body }
  try {
    const data = JSON.parse(JSON.stringify(details))
    await bus.publish({ type: audit, source: `user:${name}`, title: titleOf(request), data })
  } catch (error) {
    const line = { err: error, audit, ...details }
    guardedLogger(request.log).error(line, 'an admin action could not be recorded')
  }
}

function titleOf({ routeOptions }: FastifyRequest): string {
  return routeOptions.schema?.summary ?? ''
}

function isDryRun(body: unknown): boolean {
  return isObject(body) && 'dry_run' in body && body.dry_run === true
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
