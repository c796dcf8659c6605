// A service on PostgreSQL, whose server is unavailable.
import { createEventBus } from '@viewra/events-core'
import { postgresStorage } from '@viewra/events-core/postgres'

const bus = createEventBus({ storage: postgresStorage({ url: 'postgres://app@127.0.0.1:1/app' }) })
bus.start().catch(({ code }) => console.log(JSON.stringify({ code })))
