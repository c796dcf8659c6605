import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgresServer } from '@viewra/postgres-server'

/** Runs `work` with an empty directory, which is deleted afterwards. */
export async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'viewra-bench-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Enough to keep a benchmark's tables in memory, as on a dedicated server. */
const SERVER_SETTINGS = { shared_buffers: '512MB', max_wal_size: '4GB', max_connections: '200' }

/** Runs `work` with a PostgreSQL server with `fsync` on, which is stopped afterwards. */
export async function withPostgres<T>(work: (server: PostgresServer) => Promise<T>): Promise<T> {
  const server = await PostgresServer.start(SERVER_SETTINGS)
  try {
    return await work(server)
  } finally {
    await server.stop()
  }
}
