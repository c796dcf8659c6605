import { createConfig, lintFromString } from '@redocly/openapi-core'
import { createEventBus } from '@viewra/events-core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, describe, expect, test } from 'vitest'
import { PROBLEMS } from '../src/http/problem.ts'
import { createToken, type EventsModuleOptions, eventsModule } from '../src/index.ts'
import { ApiDescription, type Operation, record } from './api-description.ts'
import { listRoutes } from './route-list.ts'
import { lint } from './spectral.ts'

const app = await describedApp()
const api = await ApiDescription.of(app)
const operations = api.operations()
const named: [string, Operation][] = operations.map((operation) => [
  `${operation.method} ${operation.path}`,
  operation,
])

test('every route is described, and nothing else', async () => {
  const routes = (await listRoutes()).filter(({ url }) => url !== `${api.prefix}/ws`)
  const names = routes.map(
    ({ method, url }) => `${method} ${url.slice(api.prefix.length).replace(/(?<=.)\/$/, '') || '/'}`,
  )
  expect(named.map(([name]) => name).toSorted()).toEqual(names.toSorted())
})

describe.each(['none', 'token', 'host'] as const)('the document, where requests are known by: %s', (by) => {
  test('passes the recommended rules of Redocly', async () => {
    const { document } = await ApiDescription.of(await describedApp(accessBy(by)))
    const config = await createConfig({ extends: ['recommended'] })
    const found = await lintFromString({ source: JSON.stringify(document), config })
    expect(found.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([])
  })

  test('passes the rules of Spectral', async () => {
    const { document } = await ApiDescription.of(await describedApp(accessBy(by)))
    // The tags are in the order in which a reader wants them, and there is no address to write to.
    const off = ['openapi-tags-alphabetical', 'contact-properties']
    expect(await lint('oas', document, off)).toEqual([])
  })
})

describe('who may call an operation', () => {
  test('is nothing to describe where no tokens are configured', () => {
    expect(api.document.security).toEqual([])
    expect(record(api.document.components).securitySchemes).toEqual({})
    for (const { description } of operations) {
      expect(description).not.toHaveProperty('security')
      expect(description.responses).not.toHaveProperty('401')
    }
  })

  test('is who has a token, but for the routes that are for anyone; a stream takes a ticket too', async () => {
    const { document, ...described } = await describedBy('token')
    expect(document.security).toEqual([{ token: [] }])
    const special = described.operations.filter(({ description }) => 'security' in description)
    expect(special.map(({ path, description }) => [path, description.security])).toEqual([
      ['/stream', [{ token: [] }, { ticket: [] }]],
      ['/asyncapi.json', []],
      ['/health', []],
      ['/openapi.json', []],
    ])
  })

  test('is for the host app to say where it decides', async () => {
    expect((await describedBy('host')).document.security).toEqual([{ token: [] }, {}])
  })
})

test('operation ids tell operations apart, and read as names of functions', () => {
  const ids = operations.map(({ description }) => String(description.operationId))
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^(?:[a-z]+)(?:[A-Z][a-z]+)+$/)
})

test('every object with fields of its own is a component, and so has a name in generated code', () => {
  const found: string[] = []
  const look = (value: unknown, at: readonly string[]): void => {
    if (typeof value !== 'object' || value === null || /^(examples?|default)$/.test(at.at(-1) ?? '')) return
    const isComponent = at.length === 3 && at[1] === 'schemas'
    const { type, properties } = record(value)
    if (type === 'object' && Object.keys(record(properties)).length > 0 && !isComponent)
      found.push(at.join('.'))
    for (const [key, one] of Object.entries(value)) look(one, [...at, key])
  }
  look(record(api.document).paths, ['paths'])
  look(record(api.document).components, ['components'])
  expect(found).toEqual([])
})

test('events are taken as JSON, as lines and as CloudEvents, whose headers are named', () => {
  const typesOf = (path: string) => {
    const { requestBody } = record(
      operations.find((one) => one.path === path && one.method === 'POST')?.description,
    )
    return Object.keys(record(record(requestBody).content))
  }
  expect(typesOf('/')).toEqual(['application/json', 'application/cloudevents+json'])
  expect(typesOf('/batch')).toEqual([
    'application/json',
    'application/x-ndjson',
    'application/cloudevents-batch+json',
  ])
  const publish = api.operation('POST', api.prefix)
  const headers = Object.values(record(publish?.description.parameters)).map((one) => record(one).name)
  expect(headers).toEqual(
    expect.arrayContaining(['ce-specversion', 'ce-id', 'ce-source', 'ce-type', 'ce-time', 'ce-dataschema']),
  )
})

test('data and extensions are parameters that generated clients can send, wherever events are selected', () => {
  for (const path of ['', '/range', '/stream']) {
    const { description } = api.operation('GET', api.prefix + path) ?? {}
    const parameters = Object.values(record(record(description).parameters)).map(record)
    for (const [object, schema] of [
      ['data', 'DataFilter'],
      ['ext', 'ExtensionFilter'],
    ])
      expect(parameters.find(({ name }) => name === object)).toMatchObject({
        in: 'query',
        style: 'deepObject',
        explode: true,
        schema: { $ref: `#/components/schemas/${schema}` },
      })
  }
})

test.each(named)(
  '%s has texts, tags, an example of each body, and its errors as problems',
  (_name, operation) => {
    const { description, path, method } = operation
    expect(description).toMatchObject({ summary: expect.any(String), description: expect.any(String) })
    expect(description.tags).toHaveLength(1)
    const statuses = Object.keys(record(description.responses))
    expect(statuses).toEqual(expect.arrayContaining(['400', '403', '429', '500', '503']))
    for (const status of statuses.filter((one) => Number(one) >= 400)) {
      const [, response] = api.followed(['paths', path, method.toLowerCase(), 'responses', status])
      expect(record(response).content).toHaveProperty(['application/problem+json', 'schema'], {
        $ref: '#/components/schemas/Problem',
      })
    }
    for (const [place, media] of jsonBodies(operation)) expect(examplesOf(media), place).not.toEqual([])
  },
)

test.each(named)('the examples of %s are true', (_name, operation) => {
  for (const [place, media, pointer] of jsonBodies(operation)) {
    for (const example of examplesOf(media))
      expect(api.check([...pointer, 'schema'], example), place).toEqual([])
  }
})

test('each status that an error has is one of an operation, or of what is none', async () => {
  const { operations: guarded } = await describedBy('token')
  const described = new Set(guarded.flatMap(({ description }) => Object.keys(record(description.responses))))
  // Of what belongs to no operation: wrong methods, upgrades that were not asked for, clients that read no answer, and what
  // an HTTP server refuses before there is a route.
  const others = [405, 408, 426, 431, 499]
  const missing = Object.values(PROBLEMS).filter(
    ({ status }) => !described.has(String(status)) && !others.includes(status),
  )
  expect(missing).toEqual([])
})

test('parameters with a default need not be sent', () => {
  const list = api.operation('GET', '/api/v1/events')
  const required = Object.values(record(list?.description.parameters)).filter(
    (one) => record(one).required === true,
  )
  expect(required).toEqual([])
})

test('no keyword of the checks of requests is left in the document', () => {
  expect(JSON.stringify(api.document)).not.toMatch(/"(rule|allowEmptyValue|sent|\$id)":/)
})

test('the page for people is served with its scripts, and may load nothing else', async () => {
  const page = await app.inject('/api/v1/events/docs')
  expect(page.statusCode).toBe(200)
  expect(page.headers['content-security-policy']).toContain("script-src 'self'")
  const [, script = ''] = /<script src="([^"]+bundle.js)"/.exec(page.body) ?? []
  expect((await app.inject(`/api/v1/events/${script}`)).statusCode).toBe(200)
})

async function describedBy(by: 'token' | 'host') {
  const { document } = await ApiDescription.of(await describedApp(accessBy(by)))
  return { document, operations: new ApiDescription(document, api.prefix).operations() }
}

function accessBy(by: 'none' | 'token' | 'host'): Pick<EventsModuleOptions, 'tokens' | 'authorize'> {
  if (by === 'host') return { authorize: () => ({ name: 'somebody', role: 'admin' }) }
  return by === 'token' ? { tokens: [{ name: 'one', role: 'viewer', hash: createToken().hash }] } : {}
}

async function describedApp(
  access: Pick<EventsModuleOptions, 'tokens' | 'authorize'> = {},
): Promise<FastifyInstance> {
  const bus = createEventBus()
  await bus.start()
  const app = Fastify()
  await app.register(eventsModule, { bus, ...access })
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

/** In the schema, or in the component that it names. */
function examplesOf(media: unknown): unknown[] {
  const { schema } = record(media)
  const component = /^#\/components\/schemas\/(\w+)$/.exec(String(record(schema).$ref))?.[1] ?? ''
  const [, named] = api.followed(['components', 'schemas', component])
  return [record(schema).examples, record(named).examples].flatMap((list) =>
    Array.isArray(list) ? list : [],
  )
}
