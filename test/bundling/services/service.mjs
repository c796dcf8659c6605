// A typical service: a bus on SQLite, administered over HTTP.
import { createEventBus, createStorage } from '@viewra/events-core'
import { eventsModule } from '@viewra/events-module'
import Fastify from 'fastify'

async function main() {
  const bus = createEventBus({ storage: await createStorage('sqlite:./events.db') })
  await bus.start()
  const app = Fastify()
  await app.register(eventsModule, { bus, docs: process.argv[2] === 'docs' })
  const published = await bus.publish({ type: 'info', source: 'service' })
  const { events } = (await app.inject('/api/v1/events')).json()
  const openapi = (await app.inject('/api/v1/events/openapi.json')).statusCode
  await app.close()
  const { drained } = await bus.stop()
  console.log(JSON.stringify({ stored: events[0]?.id === published.id, openapi, drained }))
}

main()
