// A process of a fleet: publishes, follows the log live, and takes part in a durable subscription. It records its
// observations line by line, synchronously, so that `kill -9` loses none of them: S            started            A <id>
// <position>     acknowledged T <position> live               H <position> <id> <time>  handled
import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus, type EventBus, EventsError, type PublishedEvent } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import type { WorkerOrders } from './fleet.ts'
import { KEYS, soakProcessor } from './soak-processor.ts'

const orders: WorkerOrders = JSON.parse(process.argv[2] ?? '')
const file = openSync(orders.log, 'a')
const write = (line: string) => writeSync(file, `${line}\n`)

const storage = orders.url.startsWith('postgres')
  ? postgresStorage({
      url: orders.url,
      schema: orders.schema,
      statementTimeoutMs: 10_000,
      connectTimeoutMs: 2_000,
    })
  : sqliteStorage({ path: orders.url, ...(orders.maxBytes && { maxBytes: orders.maxBytes }) })
const bus = createEventBus({
  storage,
  pollIntervalMs: 200,
  publishTimeoutMs: 3_000,
  workers: orders.process ? [soakProcessor()] : [],
})

process.on('SIGTERM', async () => {
  await bus.stop({ timeoutMs: 10_000 })
  process.exit(0)
})
process.on('disconnect', () => process.exit(1))

await startWhenItCan(bus)
write('S')
process.send?.('started')
if (orders.publish > 0) void publish(bus)

async function startWhenItCan(bus: EventBus): Promise<void> {
  if (orders.follow) {
    await bus.subscribe('*', (event) => write(`T ${event.position}`), { queueEvents: 1_000_000 })
  }
  if (orders.durable !== undefined) {
    const options = { durable: orders.durable, from: 'beginning', leaseMs: 1_000, checkpointMs: 50 } as const
    await bus.subscribe('*', handle, { ...options, queueEvents: 200, retry: { attempts: 5, minDelayMs: 5 } })
  }
  for (;;) {
    try {
      return await bus.start()
    } catch (error) {
      if (!(error instanceof EventsError) || !error.retryable) throw error
      // A bus that could not start has dropped its durable subscriptions.
      process.exit(3)
    }
  }
}

async function handle(event: PublishedEvent): Promise<void> {
  if (orders.handlerMs > 0) await sleep(Math.random() * orders.handlerMs)
  write(`H ${event.position} ${event.id} ${performance.timeOrigin + performance.now()}`)
}

/** Keeps some publishes under way, each retried with the same id until it is acknowledged. */
async function publish(bus: EventBus): Promise<void> {
  let next = 0
  const publisher = async () => {
    while (next < orders.publish) {
      const id = `${orders.name}-${next++}`
      await publishUntilStored(bus, id)
      if (orders.pauseMs > 0) await sleep(orders.pauseMs)
    }
  }
  await Promise.all(Array.from({ length: orders.publishers }, publisher))
  process.send?.('published')
}

function keyOf(id: string): number {
  return Number(id.split('-')[1]) % KEYS
}

async function publishUntilStored(bus: EventBus, id: string): Promise<void> {
  for (;;) {
    try {
      const receipt = await bus.publish({
        id,
        type: 'soak.event',
        source: orders.name,
        data: { id, key: keyOf(id) },
      })
      write(`A ${id} ${receipt.position}`)
      return
    } catch (error) {
      if (!(error instanceof EventsError) || !error.retryable) throw error
      await sleep(20)
    }
  }
}
