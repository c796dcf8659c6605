import type { PostgresServer } from '@viewra/postgres-server'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { postgresStorage } from '../../../src/storage/postgres/index.ts'
import { type StorageFactory, storageContract } from '../../../src/testing/index.ts'

/** Runs the contract suite on a server, with a schema for each store. */
export function postgresContract(name: string, server: PostgresServer): void {
  const schemas = new Map<EventStorage, string>()
  const storeIn = (schema: string, now: () => number) => {
    const storage = postgresStorage({ url: server.url, schema, now })
    schemas.set(storage, schema)
    return storage
  }
  const schemaOf = (storage: EventStorage) => {
    const schema = schemas.get(storage)
    if (schema === undefined) throw new Error('this store is not of this test')
    return schema
  }
  const factory: StorageFactory = {
    create: ({ now }) => storeIn(`contract_${schemas.size}`, now),
    reopen: (storage, { now }) => storeIn(schemaOf(storage), now),
    destroy: async (storage) => {
      await server.query(`drop schema if exists ${schemaOf(storage)} cascade`)
    },
  }
  storageContract(name, factory)
}
