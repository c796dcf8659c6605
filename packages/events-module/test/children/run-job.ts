// Runs a job on a SQLite file until it is cancelled, or the process is killed.
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus } from '@viewra/events-core'
import { jobKind, jobRunner } from '@viewra/events-core/jobs'
import { sqliteStorage } from '@viewra/events-core/sqlite'

process.on('disconnect', () => process.exit(1))

const counting = jobKind<{ to: number }, null>('counting', async ({ input, signal, progress }) => {
  for (let count = 1; count <= input.to; count++) {
    await sleep(5, undefined, { signal })
    progress(count, input.to)
  }
  return null
})

const runner = jobRunner({ kinds: [counting] })
const bus = createEventBus({ storage: sqliteStorage({ path: process.argv[2] ?? '' }), workers: [runner] })
await bus.start()
await runner.submit(counting, { to: 1e9 })
process.send?.('started')
