import { PostgresServer } from '@viewra/postgres-server'
import pg from 'pg'
import { afterAll, onTestFinished } from 'vitest'
import { EventsError } from '../../../src/errors.ts'
import type { AppendResult, EventRecord, EventStorage } from '../../../src/storage/contract/storage.ts'
import { type PostgresStorageOptions, postgresStorage } from '../../../src/storage/postgres/index.ts'

let schemas = 0

/** The server of a test file with helpers for its tests; it is stopped after them. */
export class PostgresSetup {
  readonly server: PostgresServer

  private constructor(server: PostgresServer) {
    this.server = server
  }

  static async start(
    settings?: Readonly<Record<string, string>>,
    files?: readonly string[],
  ): Promise<PostgresSetup> {
    const server = await PostgresServer.start(settings, files)
    afterAll(() => server.stop())
    return new PostgresSetup(server)
  }

  newSchema(): string {
    return `test_${++schemas}`
  }

  /** Creates a store without opening it. */
  store(options: Partial<PostgresStorageOptions>): EventStorage {
    const storage = postgresStorage({ url: this.server.url, ...options })
    onTestFinished(() => storage.close())
    return storage
  }

  async openStore(options: Partial<PostgresStorageOptions>): Promise<EventStorage> {
    const storage = this.store(options)
    await storage.open()
    return storage
  }

  async client(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.server.url })
    // Some tests break connections.
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }

  /** Ends the open connections of an application. */
  async terminate(applicationName: string): Promise<number> {
    const rows = await this.server.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
      [applicationName],
    )
    return rows.length
  }
}

/** Appends by SQL within the client's open transaction, like a process that is slow to commit. */
export async function appendBySql(client: pg.Client, schema: string, ids: readonly string[]): Promise<void> {
  const all = <T>(value: T): T[] => ids.map(() => value)
  const columns = [
    ids,
    all('test.event'),
    all('test'),
    all(''),
    all(5),
    all(0),
    all(null),
    all(null),
    all(null),
  ]
  const texts = [all(null), all(null), all(''), all(''), all('[]').join('\x1e'), all('{}').join('\x1e')]
  const count = [ids.length]
  const counts = [[0], ['test.event'], [5], count, [1], count, [0], ['test'], count, [], []]
  const values = [...columns, ...texts, ...counts, 0, 60_000, 'test']
  const parameters = values.map((_, index) => `$${index + 1}`)
  await client.query(`select "${schema}".append_events(${parameters})`, values)
}

/** Appends like the bus: retries while the error is retryable. */
export async function appendStubbornly(
  storage: EventStorage,
  records: readonly EventRecord[],
): Promise<AppendResult> {
  for (;;) {
    try {
      return await storage.append(records)
    } catch (error) {
      if (!(error instanceof EventsError && error.retryable)) throw error
    }
  }
}
