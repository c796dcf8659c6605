import { expect, test } from 'vitest'
import { type PostgresStorageOptions, postgresStorage } from '../../../src/storage/postgres/index.ts'

const URL = 'postgres://app:secret@localhost/app'

test.each<[string, object]>([
  ['url or connection must be given', {}],
  ['url or connection must be given', { url: URL, connection: { host: 'db' } }],
  ['url', { url: 'mysql://root:secret@db/app' }],
  ['url', { url: 5 }],
  ['%23', { url: 'postgres://app:p@secret#word@db/app' }],
  ['%2F', { url: 'postgres://app:p@secret/word@db/app' }],
  ['%3F', { url: 'postgres://app:p@secret?word@db/app' }],
  ['%3F', { url: 'postgres://app:5?secret@db/app' }],
  ['%23', { url: 'postgres://app:pass@db/app#secret' }],
  ['%40', { url: URL, listenUrl: 'postgres://app:12/secret@db/app' }],
  ['options', Object('postgres://app:secret@db/app').valueOf()],
  ['connection', { connection: 'postgres://app:secret@db' }],
  ['connection: host', { connection: { host: 'postgres://app:secret@db/app' } }],
  ['connection: host', { connection: { host: 'app:secret@db' } }],
  ['listenUrl', { url: URL, listenUrl: 'secret' }],
  ['url cannot be used', { url: `${URL}?sslrootcert=/nowhere/ca.crt` }],
  ['listenUrl cannot be used', { url: URL, listenUrl: `${URL}?sslrootcert=/nowhere/ca.crt` }],
  // A named pipe is not a regular file either, and would block its reader.
  ['a regular file as sslrootcert', { url: `${URL}?sslrootcert=/tmp` }],
  ['a regular file as sslkey', { url: URL, listenUrl: `${URL}?sslmode=require&sslkey=/dev/zero` }],
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
])('rejects an invalid %s and shows no password: %o', (named, options: PostgresStorageOptions) => {
  const create = () => postgresStorage(options)
  expect(create).toThrow(/^postgresStorage/)
  expect(create).toThrow(named)
  expect(create).not.toThrow('secret')
})

test('reports that it is persistent', () => {
  expect(postgresStorage({ url: URL })).toMatchObject({ name: 'postgres', persistent: true })
})

test.each([
  ['postgres://app@/events?host=/run/postgresql', '/run/postgresql:5432/events'],
  ['postgres://app:secret@/events?host=/run/postgresql&port=5433', '/run/postgresql:5433/events'],
  ['postgres:///events?host=/run/postgresql', '/run/postgresql:5432/events'],
  ['postgres://app@%2Frun%2Fpostgresql/events', '/run/postgresql:5432/events'],
  ['postgresql://app:p%40ss%23secret@db.example/events', 'db.example:5432/events'],
  ['postgres://app:p@secret@[::1]:99/events', '::1:99/events'],
])('%s is a valid URL', async (url, place) => {
  const storage = postgresStorage({ url })
  const refusal = storage.head()
  await expect(refusal).rejects.toThrow(place)
  await expect(refusal).rejects.not.toThrow('secret')
})
