// Fills a store until it is full, tries to delete events and to open another store; prints the message of each failure.
import { EventsError } from '../../../../src/errors.ts'
import { sqliteStorage } from '../../../../src/storage/sqlite/index.ts'
import { makeRecords } from '../../../../src/testing/record.ts'

const [directory = ''] = process.argv.slice(2)
const storage = sqliteStorage({ path: `${directory}/events.db` })
const another = sqliteStorage({ path: `${directory}/another.db` })

async function tell(step: string, work: () => Promise<unknown>): Promise<void> {
  const failure = await work().then(
    () => undefined,
    (error: unknown) => error,
  )
  if (failure !== undefined && !(failure instanceof EventsError)) throw failure
  console.log(JSON.stringify({ step, code: failure?.code, message: failure?.message }))
}

await tell('create', async () => {
  await another.open()
  await another.close()
  await storage.open()
})
await tell('append', async () => {
  // More than the file, and the log that comes before it, may hold.
  for (let batch = 0; batch < 200; batch++)
    await storage.append(makeRecords(100, { message: 'x'.repeat(1_000) }))
})
await tell('delete', () => storage.clear())
await tell('open', async () => {
  await another.open()
  await another.append(makeRecords(100, { message: 'x'.repeat(1_000) }))
})
await Promise.all([storage.close(), another.close()])
