import { PostgresServer } from '@viewra/postgres-server'
import { afterAll } from 'vitest'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import type { EventStorage } from '../../src/storage/storage.ts'
import { storageContract } from '../../src/testing/index.ts'

// Nothing here asks what survives a crash of the machine.
const server = await PostgresServer.start({ fsync: 'off' })
afterAll(() => server.stop())

const schemas = new Map<EventStorage, string>()

storageContract('PostgreSQL', {
  create: ({ now }) => storeIn(`contract_${schemas.size}`, now),
  reopen: (storage, { now }) => storeIn(schemaOf(storage), now),
  destroy: async (storage) => {
    await server.query(`drop schema if exists ${schemaOf(storage)} cascade`)
  },
})

function storeIn(schema: string, now: () => number): EventStorage {
  const storage = postgresStorage({ url: server.url, schema, now })
  schemas.set(storage, schema)
  return storage
}

function schemaOf(storage: EventStorage): string {
  const schema = schemas.get(storage)
  if (schema === undefined) throw new Error('this store is not of this test')
  return schema
}
