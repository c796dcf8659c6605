import { PostgresServer } from '@viewra/postgres-server'
import { afterAll } from 'vitest'
import { postgresContract } from './contract.ts'

// Nothing here asks what survives a crash of the machine.
const server = await PostgresServer.start({ fsync: 'off' })
afterAll(() => server.stop())

postgresContract('PostgreSQL', server)
