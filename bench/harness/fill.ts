import { postgresStorage } from '@viewra/events-core/postgres'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { RawPostgres } from './raw-postgres.ts'
import { RawSqlite } from './raw-sqlite.ts'
import { HOUR_MS, type Row, rowAt } from './rows.ts'

const BATCH = 10_000
/** Stored events lie in the past, spread evenly over this many days. */
const DAYS = 30
const DAY_MS = 24 * HOUR_MS

/** Fills a store's file with events and everything that appends maintain. No statistics: a store has none. */
export async function fillSqlite(path: string, rows: number): Promise<void> {
  const storage = sqliteStorage({ path })
  await storage.open()
  await storage.close()
  const raw = new RawSqlite(path)
  raw.fill(() => {
    for (const batch of pastBatches(rows)) raw.append(batch, batch[0]?.timestampMs)
  })
  raw.close()
}

/** Fills a store's tables with events by COPY and with everything that appends maintain; creates its indexes afterwards. */
export async function fillPostgres(url: string, schema: string, rows: number): Promise<void> {
  const storage = postgresStorage({ url, schema })
  await storage.open()
  await storage.close()
  const raw = await RawPostgres.connect(url, schema)
  // For this connection only; what is measured afterwards waits for the disk.
  await raw.query("set synchronous_commit = off; set maintenance_work_mem = '1GB'")
  const indexes = await raw.dropIndexes()
  for (const batch of pastBatches(rows)) await raw.copyCounted(batch, batch[0]?.timestampMs)
  for (const index of indexes) await raw.query(index)
  await raw.query('vacuum analyze')
  await raw.query('checkpoint')
  await raw.end()
}

function* pastBatches(rows: number): Generator<readonly Row[]> {
  const startMs = Date.now() - DAYS * DAY_MS
  const stepMs = (DAYS * DAY_MS) / rows
  for (let n = 0; n < rows; n += BATCH) {
    const size = Math.min(BATCH, rows - n)
    yield Array.from({ length: size }, (_, index) =>
      rowAt(n + index, Math.floor(startMs + (n + index) * stepMs)),
    )
  }
}
