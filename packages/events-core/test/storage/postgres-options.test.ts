import { expect, test } from 'vitest'
import { type PostgresStorageOptions, postgresStorage } from '../../src/storage/postgres/index.ts'

const URL = 'postgres://app:secret@localhost/app'

test.each<[string, object]>([
  ['url or connection must be given', {}],
  ['url or connection must be given', { url: URL, connection: { host: 'db' } }],
  ['url', { url: 'mysql://root:secret@db/app' }],
  ['url', { url: 5 }],
  ['listenUrl', { url: URL, listenUrl: 'secret' }],
  ['url cannot be used', { url: `${URL}?sslrootcert=/nowhere/ca.crt` }],
  ['listenUrl cannot be used', { url: URL, listenUrl: `${URL}?sslrootcert=/nowhere/ca.crt` }],
  ['connection', { connection: 'localhost' }],
  ['connection: hosts', { connection: { hosts: [] } }],
  ['connection: port', { connection: { port: 0 } }],
  ['schema', { url: URL, schema: '' }],
  ['schema', { url: URL, schema: 'é'.repeat(32) }],
  ['schema', { url: URL, schema: 'a\u0000b' }],
  ['schema', { url: URL, schema: 'pg_events' }],
  ['poolSize', { url: URL, poolSize: 0 }],
  ['statementTimeoutMs', { url: URL, statementTimeoutMs: 0 }],
  ['connectTimeoutMs', { url: URL, connectTimeoutMs: 1.5 }],
  ['applicationName', { url: URL, applicationName: '' }],
  ['now', { url: URL, now: 0 }],
  ['pool', { url: URL, pool: 1 }],
])('refuses what is wrong with %s, and shows no password: %o', (named, options: PostgresStorageOptions) => {
  const create = () => postgresStorage(options)
  expect(create).toThrow(/^postgresStorage/)
  expect(create).toThrow(named)
  expect(create).not.toThrow('secret')
})

test('says that it persists', () => {
  expect(postgresStorage({ url: URL })).toMatchObject({ name: 'postgres', persistent: true })
})
