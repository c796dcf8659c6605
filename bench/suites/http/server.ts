// The servers under test, in their own process: prints nothing, sends its ports, ends with its parent.
import { createEventBus, type EventStorage, memoryStorage } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { eventsModule } from '@viewra/events-module'
import Fastify, { type FastifyInstance } from 'fastify'
import { eventAt } from '../../harness/events.ts'
import { bareRoutes } from './bare-routes.ts'

export type Ports = Readonly<Record<'memory' | 'sqlite' | 'bare', number>>

/** The memory store's default: what it keeps must not depend on how long the round was. */
const EVENTS = 10_000

const [path = ''] = process.argv.slice(2)
const ports: Ports = {
  memory: await listening(await withModule(memoryStorage())),
  sqlite: await listening(await withModule(sqliteStorage({ path }))),
  bare: await listening(await withBareRoutes()),
}
process.send?.(ports)
process.on('disconnect', () => process.exit())
process.on('message', () => process.send?.(process.cpuUsage()))

async function withModule(storage: EventStorage): Promise<FastifyInstance> {
  const bus = createEventBus({ storage })
  await bus.start()
  for (let n = 0; n < EVENTS; n += 1_000)
    await bus.publishMany(Array.from({ length: 1_000 }, (_, index) => eventAt(n + index)))
  const app = Fastify()
  await app.register(eventsModule, { bus })
  return app
}

async function withBareRoutes(): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(bareRoutes)
  return app
}

async function listening(app: FastifyInstance): Promise<number> {
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
}
