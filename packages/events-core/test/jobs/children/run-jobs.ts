// Runs jobs on a store until it is killed. Arguments: url, schema, and the number of steps of the job to submit, if any.
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus } from '../../../src/index.ts'
import { jobKind, jobRunner } from '../../../src/jobs/index.ts'
import { postgresStorage } from '../../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'

const [url = '', schema = '', steps] = process.argv.slice(2)
const storage = url.startsWith('postgres') ? postgresStorage({ url, schema }) : sqliteStorage({ path: url })
let allowed = 0
process.on('message', (count) => {
  allowed = Number(count)
})
process.on('disconnect', () => process.exit(1))

/**
 * Publishes an event for each step with the process and attempt that did it. It advances only as far as the parent allows,
 * which would otherwise find it done before it has started the next process.
 */
const stepping = jobKind<{ steps: number }, { attempts: number }, { next: number }>(
  'stepping',
  async (job) => {
    for (let at = job.checkpoint?.next ?? 0; at < job.input.steps; at++) {
      do {
        job.signal.throwIfAborted()
        await sleep(2)
      } while (at >= allowed)
      const data = { at, attempt: job.attempt, pid: process.pid }
      await bus.publish({ type: 'job.step', source: 'test', data })
      job.progress(at + 1, job.input.steps)
      await job.save({ next: at + 1 })
    }
    return { attempts: job.attempt }
  },
)

const runner = jobRunner({ kinds: [stepping], leaseMs: 400, maxCrashes: 100 })
const bus = createEventBus({ storage, workers: [runner], pollIntervalMs: 50 })
await bus.start()
if (steps !== undefined) await runner.submit(stepping, { steps: Number(steps) })
process.send?.('started')
