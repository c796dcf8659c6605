// Runs the processor of the laws on a store until it is killed: url, schema, events of a commit.
import { createEventBus } from '../../../src/index.ts'
import { postgresStorage } from '../../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { lawProcessor } from '../law.ts'

const [url = '', schema = '', batchEvents = '1'] = process.argv.slice(2)
const storage = url.startsWith('postgres') ? postgresStorage({ url, schema }) : sqliteStorage({ path: url })
const workers = [lawProcessor({ batchEvents: Number(batchEvents), leaseMs: 300, stepTimeoutMs: 400 })]
process.on('disconnect', () => process.exit(1))
const bus = createEventBus({ storage, workers, pollIntervalMs: 50 })
await bus.start()
process.send?.('started')
