// Opens the store on input, prints its epoch, appends some batches, and does not close the store.
import { once } from 'node:events'
import { EventsError } from '../../../../src/errors.ts'
import type { EventRecord } from '../../../../src/storage/contract/storage.ts'
import { sqliteStorage } from '../../../../src/storage/sqlite/index.ts'
import { makeRecord } from '../../../../src/testing/record.ts'

const [path = '', name = '', batches = '0'] = process.argv.slice(2)
const storage = sqliteStorage({ path, busyTimeoutMs: 10_000 })
console.log('ready')
await once(process.stdin, 'data')
await storage.open()
console.log((await storage.head()).epoch)
for (let batch = 0; batch < Number(batches); batch++) {
  const ids = Array.from({ length: 7 }, (_, index) => `${name}/${batch}/${index}`)
  await appendAtLast(ids.map((id) => makeRecord({ id })))
}
console.log('done')
process.stdin.unref()

/** SQLite serves waiting processes in no order, so a process may have to retry. */
async function appendAtLast(records: readonly EventRecord[]): Promise<void> {
  try {
    await storage.append(records)
  } catch (error) {
    if (!(error instanceof EventsError && error.code === 'EVENTS_STORAGE_LOCKED')) throw error
    await appendAtLast(records)
  }
}
