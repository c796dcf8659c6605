import { createEventBus, memoryStorage } from '@viewra/events-core'
import type { Target } from '../cli.ts'
import { busPublisher } from './bus.ts'
import { HttpPublisher } from './http.ts'
import type { Publisher } from './publisher.ts'

/** @throws EventsError if a store cannot be opened; a server is first contacted with the first event */
export async function openPublisher(target: Target): Promise<Publisher> {
  switch (target.kind) {
    case 'http':
      return new HttpPublisher({ url: target.url })
    case 'memory':
      return busPublisher(createEventBus({ storage: memoryStorage() }))
    case 'sqlite': {
      // Loaded only here, so that a scan over HTTP loads no database.
      const { sqliteStorage } = await import('@viewra/events-core/sqlite')
      return busPublisher(createEventBus({ storage: sqliteStorage({ path: target.path }) }))
    }
  }
}
