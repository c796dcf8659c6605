import type { EventBus } from '@viewra/events-core'
import type { Publisher } from './publisher.ts'

/**
 * Publishes directly to a bus in this process, which combines concurrent publishes into one write and makes
 * publishers wait when its buffer is full. Starts the bus, and stops it when closed.
 */
export async function busPublisher(bus: EventBus): Promise<Publisher> {
  await bus.start()
  return {
    publish: async (event) => {
      await bus.publish(event)
    },
    close: async () => {
      await bus.stop()
    },
  }
}
