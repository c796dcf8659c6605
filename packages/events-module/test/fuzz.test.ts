import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Value } from '@sinclair/typebox/value'
import { createStorage, type EventBus, type EventStorage } from '@viewra/events-core'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { ProblemSchema } from '../src/http/problem.ts'
import { ApiDescription } from './api-description.ts'
import { listeningApp } from './events-app.ts'
import { type HostileRequest, HostileRequests } from './hostile-requests.ts'

const REQUESTS = 1_500
/** A busy machine tries fewer. */
const TIME_LIMIT_MS = 12_000
/** Far more than an answer takes, and less than a test may. */
const ANSWER_LIMIT_MS = 5_000
/** A dead letter's id is the store's choice, and another one after each deletion: it is filled in when it is sent. */
const KNOWN = { id: 'kept-event', name: 'kept-subscription', deadLetter: 'kept-dead-letter' }
/** Its answer has no end. */
const STREAM = '/stream'

test('whatever is sent to any operation, it answers as described, and what it refuses changes nothing', async () => {
  const { app, bus, storage, port } = await keptApp()
  const api = await ApiDescription.of(app)
  const requests = new HostileRequests(api, KNOWN)
  const operations = api.operations().filter(({ path }) => path !== STREAM)
  const before = { subscriptions: bus.subscriptions(), prototype: prototypeNames() }
  const property = fc.asyncProperty(fc.oneof(...operations.map((one) => requests.of(one))), async (one) => {
    const state = await stateOf(bus)
    const [deadLetter] = state.dead.deadLetters
    const target = one.target.replace(KNOWN.deadLetter, deadLetter?.id ?? '')
    const answer = await send(port, { ...one, target })
    expect(answer.status, answer.body).toBeLessThan(500)
    expect(problemsOf(api, one, answer)).toEqual([])
    if (answer.status >= 400)
      expect(await stateOf(bus), 'it was refused, and has changed something').toEqual(state)
    else if (one.method !== 'GET') await keep(bus, storage)
  })
  await fc.assert(property, {
    numRuns: REQUESTS,
    interruptAfterTimeLimit: TIME_LIMIT_MS,
    markInterruptAsFailure: false,
  })
  expect((await app.inject('/api/v1/events/health')).statusCode).toBe(200)
  expect({ subscriptions: bus.subscriptions(), prototype: prototypeNames() }).toEqual(before)
  await expect.poll(() => openConnections(app)).toBe(0)
})

async function keptApp() {
  const folder = mkdtempSync(path.join(tmpdir(), 'viewra-events-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const storage = await createStorage(`sqlite:${path.join(folder, 'events.db')}`)
  const { app, bus, url } = await listeningApp({ bus: { storage }, host: nameRoutes })
  await keep(bus, storage)
  return { app, bus, storage, port: Number(new URL(url).port) }
}

/** Has there be an event, a durable subscription that nobody runs, and a dead letter of it. */
async function keep(bus: EventBus, storage: EventStorage): Promise<void> {
  await bus.publish({ id: KNOWN.id, type: 'kept', source: 'test', title: 'a' })
  await storage.subscriptions.create(KNOWN.name, 1, 0)
  const event = await bus.get(KNOWN.id)
  const { total } = await bus.deadLetters.list({ limit: 1 })
  if (event === undefined || total > 0) return
  const answer = await storage.leases.acquire('test', 'test')
  if (!answer.acquired) throw new Error('the lease of the test is held')
  const failure = { subscription: KNOWN.name, event, error: 'no', stack: null, attempts: 1 }
  const lease = { name: 'test', token: answer.lease.token }
  await storage.commit(lease, { failures: [failure] })
  await storage.leases.release(lease)
}

const ROUTE = 'x-route'

/** Has each answer say which route it is of: a hostile path may well be another's. */
function nameRoutes(app: FastifyInstance): void {
  app.addHook('onSend', async ({ routeOptions }, reply) => {
    reply.header(ROUTE, routeOptions.url ?? '')
  })
}

/** What the requests of this file can change. */
async function stateOf(bus: EventBus) {
  const [{ position }, count, durable, dead] = await Promise.all([
    bus.head(),
    bus.count(),
    bus.durable.list(),
    bus.deadLetters.list({ limit: 100 }),
  ])
  return { position, count, durable, dead }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly route: string
  readonly body: string
}

function send(port: number, { method, target, headers, body }: HostileRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
    // Node's client leaves it out where a method has no body as a rule.
    const length = body === undefined ? {} : { 'content-length': String(body.length) }
    const options = { port, method, path: target, headers: { ...headers, ...length }, agent: false, signal }
    const sent = request(options, (response) => {
      const { statusCode: status = 0, headers: answered } = response
      const answer = { status, type: String(answered['content-type']), route: String(answered[ROUTE] ?? '') }
      response
        .toArray()
        .then((chunks) => resolve({ ...answer, body: Buffer.concat(chunks).toString() }), reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function problemsOf(api: ApiDescription, { method }: HostileRequest, answer: Answer): string[] {
  const { status, type, route, body } = answer
  if (method === 'OPTIONS' && status === 204) return []
  // Paths that reach no route are for the server that the module is part of to answer.
  if (/"FST_ERR_(BAD_URL|MAX_PARAM_LENGTH)"/.test(body)) return []
  if (api.operation(method, route) !== undefined && status !== 405)
    return api.problemsOf(method, route, status, type, body)
  if (!type.startsWith('application/problem+json')) return [`${status} '${type}' is no problem`]
  return [...Value.Errors(ProblemSchema, JSON.parse(body))].map(({ path: at, message }) => `${at} ${message}`)
}

function prototypeNames(): string[] {
  return [Object.prototype, Array.prototype].flatMap((one) => Object.getOwnPropertyNames(one))
}

function openConnections(app: FastifyInstance): Promise<number> {
  return new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
}
