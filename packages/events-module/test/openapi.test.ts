import { createConfig, lintFromString } from '@redocly/openapi-core'
import { createEventBus } from '@viewra/events-core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, expect, test } from 'vitest'
import { eventsModule } from '../src/index.ts'
import { ApiDescription, type Operation, record } from './api-description.ts'
import { listRoutes } from './route-list.ts'

const app = await describedApp()
const api = await ApiDescription.of(app)
const operations = api.operations()
const named: [string, Operation][] = operations.map((operation) => [
  `${operation.method} ${operation.path}`,
  operation,
])

test('every route is described, and nothing else', async () => {
  const routes = (await listRoutes())
    .map(({ method, url }) => `${method} ${url}`)
    .filter((route) => route !== 'GET /api/v1/events/ws')
  expect(named.map(([name]) => name).toSorted()).toEqual(routes.toSorted())
})

test('the document passes the recommended rules of the linter', async () => {
  const config = await createConfig({ extends: ['recommended'] })
  const found = await lintFromString({ source: JSON.stringify(api.document), config })
  expect(found.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([])
})

test('operation ids tell operations apart', () => {
  const ids = operations.map(({ description }) => description.operationId)
  expect(new Set(ids).size).toBe(ids.length)
})

test.each(named)('%s has a summary, tags, an example of each body, and its errors', (_name, operation) => {
  const { description } = operation
  expect(description.summary).toBeTypeOf('string')
  expect(description.tags).toHaveLength(1)
  expect(Object.keys(record(description.responses))).toEqual(
    expect.arrayContaining(['400', '429', '500', '503']),
  )
  for (const [place, media] of jsonBodies(operation)) expect(examplesOf(media), place).not.toEqual([])
})

test.each(named)('the examples of %s are true', (_name, operation) => {
  for (const [place, media, pointer] of jsonBodies(operation)) {
    for (const example of examplesOf(media))
      expect(api.check([...pointer, 'schema'], example), place).toEqual([])
  }
})

test('parameters with a default need not be sent', () => {
  const list = api.operation('GET', '/api/v1/events')
  const required = Object.values(record(list?.description.parameters)).filter(
    (one) => record(one).required === true,
  )
  expect(required).toEqual([])
})

test('no keyword of the checks of requests is left in the document', () => {
  expect(JSON.stringify(api.document)).not.toMatch(/"(rule|allowEmptyValue)":/)
})

test('the page for people is served with its scripts, and may load nothing else', async () => {
  const page = await app.inject('/api/v1/events/docs')
  expect(page.statusCode).toBe(200)
  expect(page.headers['content-security-policy']).toContain("script-src 'self'")
  const [, script = ''] = /<script src="([^"]+bundle.js)"/.exec(page.body) ?? []
  expect((await app.inject(`/api/v1/events/${script}`)).statusCode).toBe(200)
})

/** Made once for all tests of this file. */
async function describedApp(): Promise<FastifyInstance> {
  const bus = createEventBus()
  await bus.start()
  const app = Fastify()
  await app.register(eventsModule, { bus })
  await app.ready()
  afterAll(async () => {
    await app.close()
    await bus.stop()
  })
  return app
}

type Body = readonly [place: string, media: unknown, pointer: readonly string[]]

/** The JSON of requests and of successful answers. */
function jsonBodies({ method, path, description }: Operation): Body[] {
  const at = ['paths', path, method.toLowerCase()]
  const request = contentOf(record(description.requestBody), [...at, 'requestBody'])
  const answers = Object.entries(record(description.responses)).filter(([status]) => status.startsWith('2'))
  return [
    ...request,
    ...answers.flatMap(([status, one]) => contentOf(record(one), [...at, 'responses', status])),
  ]
}

function contentOf({ content }: Readonly<Record<string, unknown>>, at: readonly string[]): Body[] {
  return Object.entries(record(content))
    .filter(([type]) => type.endsWith('json'))
    .map(([type, media]) => [`${at.join(' ')} ${type}`, media, [...at, 'content', type]])
}

/** Beside the schema, in it, or in the component that it names. */
function examplesOf(media: unknown): unknown[] {
  const { example, examples, schema } = record(media)
  const component = /^#\/components\/schemas\/(\w+)$/.exec(String(record(schema).$ref))?.[1] ?? ''
  const named = record(record(record(api.document.components).schemas)[component])
  const lists = [record(schema).examples, named.examples].flatMap((list) => (Array.isArray(list) ? list : []))
  const values = Object.values(record(examples)).map((one) => record(one).value)
  return [...(example === undefined ? [] : [example]), ...values, ...lists]
}
