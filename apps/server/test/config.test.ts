import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig, VARIABLES } from '../src/config.ts'

function problemsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env, '/start')
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

test('without any variable the server keeps events in a file below the directory it is started from', () => {
  expect(readConfig({}, '/start')).toEqual({
    host: '127.0.0.1',
    port: 8080,
    prefixes: ['/api/v1/events'],
    trustProxy: undefined,
    database: { url: 'sqlite:/start/data/events.db', place: 'in /start/data/events.db' },
    databaseWaitMs: 30_000,
    tokensFile: undefined,
    cookieSecretFile: '/start/data/events.db.cookie-secret',
    queryTimeoutMs: 10_000,
    rateLimit: undefined,
    corsOrigins: [],
    logLevel: 'info',
    serviceLinks: [],
  })
})

test('each variable has a description and what it takes', () => {
  for (const schema of Object.values(VARIABLES.properties)) {
    expect(schema).toMatchObject({
      description: expect.stringMatching(/\w+/),
      accepts: expect.stringMatching(/\w+/),
    })
  }
})

test.each([
  ['VIEWRA_EVENTS_HOST', '::1', { host: '::1' }],
  ['VIEWRA_EVENTS_HOST', 'localhost', { host: 'localhost' }],
  ['VIEWRA_EVENTS_HOST', '127.8.250.1', { host: '127.8.250.1' }],
  ['VIEWRA_EVENTS_PORT', '0', { port: 0 }],
  ['VIEWRA_EVENTS_PORT', '65535', { port: 65_535 }],
  [
    'VIEWRA_EVENTS_DATABASE_URL',
    'memory:',
    { database: { url: 'memory:', place: 'in memory only, gone when it stops' } },
  ],
  ['VIEWRA_EVENTS_DATABASE_URL', 'sqlite:../x.db', { database: { url: 'sqlite:/x.db', place: 'in /x.db' } }],
  [
    'VIEWRA_EVENTS_DATABASE_URL',
    'sqlite:/var/a b.db',
    { database: { url: 'sqlite:/var/a b.db', place: 'in /var/a b.db' } },
  ],
  [
    'VIEWRA_EVENTS_DATABASE_URL',
    'postgres://me:secret@db:5433/events',
    { database: { url: 'postgres://me:secret@db:5433/events', place: 'in postgres://db:5433/events' } },
  ],
  ['VIEWRA_EVENTS_PREFIX', '/events', { prefixes: ['/events'] }],
  ['VIEWRA_EVENTS_PREFIX', '/api/v1/events,/api/events', { prefixes: ['/api/v1/events', '/api/events'] }],
  ['VIEWRA_EVENTS_PREFIX', '/a,/ab', { prefixes: ['/a', '/ab'] }],
  ['VIEWRA_EVENTS_DATABASE_URL', 'memory:', { cookieSecretFile: undefined }],
  ['VIEWRA_EVENTS_COOKIE_SECRET_FILE', 'secret', { cookieSecretFile: '/start/secret' }],
  [
    'VIEWRA_EVENTS_DATABASE_URL',
    'postgres://me:secret@/events?host=/run/postgresql',
    {
      database: {
        url: 'postgres://me:secret@/events?host=/run/postgresql',
        place: 'in postgres:///events?host=/run/postgresql',
      },
    },
  ],
  ['VIEWRA_EVENTS_DATABASE_WAIT_SECONDS', '0', { databaseWaitMs: 0 }],
  ['VIEWRA_EVENTS_LOG_LEVEL', 'debug', { logLevel: 'debug' }],
  ['VIEWRA_EVENTS_QUERY_TIMEOUT_MS', '500', { queryTimeoutMs: 500 }],
  ['VIEWRA_EVENTS_RATE_LIMIT', '50', { rateLimit: 50 }],
  [
    'VIEWRA_EVENTS_CORS_ORIGINS',
    'https://media.example,http://[::1]:81',
    { corsOrigins: ['https://media.example', 'http://[::1]:81'] },
  ],
])('%s takes %s', (name, value, expected) => {
  expect(readConfig({ [name]: value }, '/start')).toMatchObject(expected)
})

test('VIEWRA_EVENTS_DATABASE_LISTEN_URL is taken with a PostgreSQL database alone, and is never shown', () => {
  const listenUrl = 'postgres://me:secret@db/events'
  const env = { VIEWRA_EVENTS_DATABASE_LISTEN_URL: listenUrl }
  expect(
    readConfig({ ...env, VIEWRA_EVENTS_DATABASE_URL: 'postgres://pooler/events' }, '/start'),
  ).toMatchObject({
    listenUrl,
  })
  expect(() => readConfig(env, '/start')).toThrow(
    /^VIEWRA_EVENTS_DATABASE_LISTEN_URL is "postgres:\/\/\*\*\*": it takes .* with a PostgreSQL database/,
  )
})

test.each([
  ['loopback', ['loopback']],
  ['10.0.0.7', ['10.0.0.7']],
  ['172.16.0.0/12,fd00::/8,::1', ['172.16.0.0/12', 'fd00::/8', '::1']],
  ['uniquelocal,linklocal', ['uniquelocal', 'linklocal']],
  ['true', true],
])('VIEWRA_EVENTS_TRUST_PROXY takes %s', (text, trustProxy) => {
  const env = { VIEWRA_EVENTS_TRUST_PROXY: text, VIEWRA_EVENTS_TOKENS_FILE: 'tokens.json' }
  expect(readConfig(env, '/start')).toMatchObject({ trustProxy })
})

describe('a value that cannot be taken', () => {
  test.each([
    ['VIEWRA_EVENTS_HOST', '0.0.0.0'],
    ['VIEWRA_EVENTS_HOST', '::'],
    ['VIEWRA_EVENTS_HOST', '192.168.1.5'],
    ['VIEWRA_EVENTS_HOST', '127.0.0.256'],
    ['VIEWRA_EVENTS_HOST', '127.0.0.1.example.org'],
    ['VIEWRA_EVENTS_HOST', 'example.org'],
    ['VIEWRA_EVENTS_HOST', ''],
    ['VIEWRA_EVENTS_PORT', '65536'],
    ['VIEWRA_EVENTS_PORT', '-1'],
    ['VIEWRA_EVENTS_PORT', '80.5'],
    ['VIEWRA_EVENTS_PORT', '0x50'],
    ['VIEWRA_EVENTS_PORT', '8e3'],
    ['VIEWRA_EVENTS_PORT', ' 80'],
    ['VIEWRA_EVENTS_PORT', 'http'],
    ['VIEWRA_EVENTS_PORT', ''],
    ['VIEWRA_EVENTS_DATABASE_URL', ''],
    ['VIEWRA_EVENTS_DATABASE_URL', './events.db'],
    ['VIEWRA_EVENTS_DATABASE_URL', 'sqlite:'],
    ['VIEWRA_EVENTS_DATABASE_URL', 'sqlite://data/events.db'],
    ['VIEWRA_EVENTS_DATABASE_URL', 'sqlite::memory:'],
    ['VIEWRA_EVENTS_DATABASE_URL', 'memory:x'],
    ['VIEWRA_EVENTS_DATABASE_LISTEN_URL', ''],
    ['VIEWRA_EVENTS_DATABASE_WAIT_SECONDS', '-1'],
    ['VIEWRA_EVENTS_DATABASE_WAIT_SECONDS', '90000'],
    ['VIEWRA_EVENTS_RATE_LIMIT', '0'],
    ['VIEWRA_EVENTS_RATE_LIMIT', '1000001'],
    ['VIEWRA_EVENTS_RATE_LIMIT', 'many'],
    ['VIEWRA_EVENTS_CORS_ORIGINS', ''],
    ['VIEWRA_EVENTS_CORS_ORIGINS', '*'],
    ['VIEWRA_EVENTS_CORS_ORIGINS', 'media.example'],
    ['VIEWRA_EVENTS_CORS_ORIGINS', 'https://media.example/'],
    ['VIEWRA_EVENTS_CORS_ORIGINS', 'https://media.example:443'],
    ['VIEWRA_EVENTS_CORS_ORIGINS', 'https://a.example, https://b.example'],
    ['VIEWRA_EVENTS_CORS_ORIGINS', 'https://a.example,'],
    ['VIEWRA_EVENTS_PREFIX', ''],
    ['VIEWRA_EVENTS_PREFIX', '/'],
    ['VIEWRA_EVENTS_PREFIX', 'api/events'],
    ['VIEWRA_EVENTS_PREFIX', '/api/events/'],
    ['VIEWRA_EVENTS_PREFIX', '/api//events'],
    ['VIEWRA_EVENTS_PREFIX', '/api/../events'],
    ['VIEWRA_EVENTS_PREFIX', '/:tenant/events'],
    ['VIEWRA_EVENTS_PREFIX', '/api/*'],
    ['VIEWRA_EVENTS_PREFIX', '/api/events?x'],
    ['VIEWRA_EVENTS_PREFIX', '/%61pi'],
    ['VIEWRA_EVENTS_PREFIX', '/a,/a'],
    ['VIEWRA_EVENTS_PREFIX', '/a,/a/b'],
    ['VIEWRA_EVENTS_PREFIX', '/a, /b'],
    ['VIEWRA_EVENTS_PREFIX', '/a,'],
    ['VIEWRA_EVENTS_PREFIX', '/metrics'],
    ['VIEWRA_EVENTS_PREFIX', '/docs/api'],
    ['VIEWRA_EVENTS_TRUST_PROXY', 'loopback'],
    ['VIEWRA_EVENTS_LOG_LEVEL', 'INFO'],
    ['VIEWRA_EVENTS_LOG_LEVEL', 'verbose'],
    ['VIEWRA_EVENTS_LOG_LEVEL', ''],
  ])('%s=%j is named together with what is taken', (name, value) => {
    const problems = problemsOf({ [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^${name} is `))
    expect(problems[0]).toContain(JSON.stringify(value))
    expect(problems[0]).toMatch(/: it takes .+/)
  })

  test('that is not loopback says why', () => {
    expect(problemsOf({ VIEWRA_EVENTS_HOST: '0.0.0.0' })[0]).toContain('no access control')
  })

  test.each([
    '',
    '0',
    '100',
    '-1',
    '1.5',
    'false',
    'TRUE',
    'yes',
    'proxy.example',
    '10.0.0.256',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/255.0.0.0',
    'fe80::1%eth0',
    'fd00::/129',
    'loopback, 10.0.0.1',
    'loopback,',
    'loopback,2',
    'private',
  ])('is no proxy: %s', (text) => {
    const env = { VIEWRA_EVENTS_TRUST_PROXY: text, VIEWRA_EVENTS_TOKENS_FILE: 'tokens.json' }
    const [problem] = problemsOf(env)
    expect(problem).toMatch(/^VIEWRA_EVENTS_TRUST_PROXY is ".*": it takes addresses and ranges/)
  })

  test('is shown without its password', () => {
    for (const [url, shown] of [
      ['mysql://me:secret@db:5432/events', 'mysql://***'],
      ['mysql://me:sec/ret@db/events', 'mysql://***'],
      ['mysql://me:sec@ret@db/events', 'mysql://***'],
      ['mysql://me:sec@ret', 'mysql://***'],
      ['mysql://db/events?user=me&password=secret', 'mysql://***'],
      ['jdbc:postgresql://db/events;password=secret', '***'],
      ['host=db password=secret', '***'],
      ['me:secret', '***'],
      ['postgres:me:secret@db/events', '***'],
    ] as const) {
      const [problem] = problemsOf({ VIEWRA_EVENTS_DATABASE_URL: url })
      expect(problem).toContain(`"${shown}"`)
      expect(problem).not.toMatch(/sec|ret@/)
    }
  })

  test('is shown without its password also where something else is expected', () => {
    for (const name of ['VIEWRA_EVENTS_HOST', 'VIEWRA_EVENTS_PORT', 'VIEWRA_EVENTS_LOG_LEVEL']) {
      const [problem] = problemsOf({ [name]: 'postgres://me:secret@db/events' })
      expect(problem).toMatch(/^\w+ is "postgres:\/\/\*\*\*": it takes/)
    }
  })

  test('is told together with all others', () => {
    const names = ['VIEWRA_EVENTS_HOST', 'VIEWRA_EVENTS_PORT', 'VIEWRA_EVENTS_LOG_LEVEL']
    expect(problemsOf(Object.fromEntries(names.map((name) => [name, '?'])))).toEqual(
      names.map((name) => expect.stringContaining(name)),
    )
  })
})

test.each([
  ['VIEWRA_EVENTS_PROT', 'VIEWRA_EVENTS_PORT'],
  ['VIEWRA_EVENTS_DATABASE', 'VIEWRA_EVENTS_DATABASE_URL'],
  ['VIEWRA_EVENTS_LOGLEVEL', 'VIEWRA_EVENTS_LOG_LEVEL'],
  ['viewra_events_host', 'VIEWRA_EVENTS_HOST'],
])('%s, which is no variable, is answered with %s', (name, meant) => {
  const [problem] = problemsOf({ [name]: 'x' })
  expect(problem).toBe(`${name} is not a variable of this server: did you mean ${meant}?`)
})

test('what Kubernetes sets for Services whose names begin like the variables is not read', () => {
  const links = {
    VIEWRA_EVENTS_SERVICE_HOST: '10.0.0.11',
    VIEWRA_EVENTS_SERVICE_PORT: '8080',
    VIEWRA_EVENTS_SERVICE_PORT_HTTP: '8080',
    VIEWRA_EVENTS_PORT: 'tcp://10.0.0.11:8080',
    VIEWRA_EVENTS_PORT_8080_TCP: 'tcp://10.0.0.11:8080',
    VIEWRA_EVENTS_PORT_8080_TCP_PROTO: 'tcp',
    VIEWRA_EVENTS_PORT_8080_TCP_PORT: '8080',
    VIEWRA_EVENTS_PORT_8080_TCP_ADDR: '10.0.0.11',
    VIEWRA_EVENTS_PORT_53_UDP_ADDR: '10.0.0.11',
    VIEWRA_EVENTS_DB_SERVICE_HOST: '10.0.0.12',
    VIEWRA_EVENTS_DB_PORT: 'tcp://10.0.0.12:5432',
    VIEWRA_EVENTS_DB_PORT_5432_TCP_ADDR: '10.0.0.12',
  }
  const config = readConfig(links, '/start')
  expect(config).toMatchObject({ port: 8080, serviceLinks: Object.keys(links) })
  expect(readConfig({ ...links, VIEWRA_EVENTS_PORT: '9000' }, '/start').port).toBe(9000)
})

test.each(['VIEWRA_EVENTS_DB_PORT', 'VIEWRA_EVENTS_SERVICE', 'VIEWRA_EVENTS_PORT_8080'])(
  '%s=5, which Kubernetes would not set, is a mistake',
  (name) => {
    expect(problemsOf({ [name]: '5' })).toHaveLength(1)
  },
)

test('variables of others are none of its business', () => {
  expect(problemsOf({ VIEWRA_SCANNER_PORT: 'x', PORT: 'y', HOST: '0.0.0.0' })).toEqual([])
})
