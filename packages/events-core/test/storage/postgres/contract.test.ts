import { PostgresServer } from '@viewra/postgres-server'
import { afterAll } from 'vitest'
import { postgresContract } from './contract.ts'

// No test here is about a crash of the machine.
const server = await PostgresServer.start({ fsync: 'off' })
afterAll(() => server.stop())

postgresContract('PostgreSQL', server)
