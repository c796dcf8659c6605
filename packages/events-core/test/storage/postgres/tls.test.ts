import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PostgresServer } from '@viewra/postgres-server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { EventsError } from '../../../src/errors.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { PostgresSetup } from './setup.ts'

// Created for these tests, valid until 2076; the keys of both CAs were deleted.
const file = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url))
const setup = await PostgresSetup.start({ ssl: 'on', fsync: 'off' }, [file('server.crt'), file('server.key')])
const { server } = setup

const urlOf = (ca: string) => `${server.url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(file(ca))}`
const { username, password } = new URL(server.url)
const connection = {
  host: 'localhost',
  port: server.port,
  database: 'postgres',
  user: username,
  password: decodeURIComponent(password),
  ssl: { ca: readFileSync(file('ca.crt'), 'utf8') },
}
// The certificate does not have this name.
const elsewhere = { ...connection, host: '127.0.0.1', ssl: { ...connection.ssl, servername: 'db.example' } }

test.each<[string, object]>([
  ['a URL', { url: urlOf('ca.crt') }],
  ['a connection', { url: undefined, connection }],
])('%s with the CA is encrypted, for LISTEN too', async (_, options) => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ ...options, schema, applicationName: schema })
  const other = await setup.openStore({ ...options, schema })
  const wake = vi.fn()
  storage.watch(wake)
  await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(1), { timeout: 10_000 })
  await other.append([makeRecord({ id: 'a' })])
  await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(2), { timeout: 10_000 })
  expect((await storage.read({ after: 0, limit: 10 })).events.map(({ id }) => id)).toEqual(['a'])
  const connections = await server.query(
    `select ssl, query like 'listen%' as listens from pg_stat_ssl join pg_stat_activity using (pid)
    where application_name = $1`,
    [schema],
  )
  expect(connections).toContainEqual({ ssl: true, listens: true })
  expect(connections).toContainEqual({ ssl: true, listens: false })
  expect(connections.filter(({ ssl }) => ssl !== true)).toEqual([])
})

test.each<[string, object]>([
  ['a certificate of another CA', { url: urlOf('other-ca.crt') }],
  ['a certificate of a CA that Node does not know', { url: `${server.url}?sslmode=verify-full` }],
  ['a certificate for another name', { url: undefined, connection: elsewhere }],
])('%s is rejected, and the error says so', async (_, options) => {
  const refusal = setup.store(options).open()
  await expect(refusal).rejects.toBeInstanceOf(EventsError)
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_UNAVAILABLE')
  await expect(refusal).rejects.toThrow("check the server's certificate")
})

test('a server without TLS is rejected where TLS is required, and the error says so', async () => {
  const plain = await PostgresServer.start({ fsync: 'off' })
  onTestFinished(() => plain.stop())
  const refusal = setup.store({ url: `${plain.url}?sslmode=verify-full` }).open()
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_UNAVAILABLE')
  await expect(refusal).rejects.toThrow('offers no TLS')
})
