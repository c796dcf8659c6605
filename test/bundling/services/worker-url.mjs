// Names the worker program of the store, as a CommonJS bundle must, and a bundle whose worker is elsewhere.
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { createEventBus } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'

async function main() {
  const workerUrl = pathToFileURL(path.resolve('threads/sqlite-worker.cjs'))
  const bus = createEventBus({ storage: sqliteStorage({ path: './events.db', workerUrl }) })
  await bus.start()
  await bus.publish({ type: 'info', source: 'service' })
  const { drained } = await bus.stop()
  console.log(JSON.stringify({ drained }))
}

main()
