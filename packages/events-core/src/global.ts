import type { EventBus } from './bus/bus.ts'
import { EventsError } from './errors.ts'

let globalBus: EventBus | undefined

/** Sets the bus that `getGlobalEventBus` returns, for code to which no bus can be passed; undefined unsets it. */
export function setGlobalEventBus(bus: EventBus | undefined): void {
  globalBus = bus
}

/** Returns the global bus. @throws EventsError EVENTS_NO_GLOBAL_BUS before `setGlobalEventBus` was called */
export function getGlobalEventBus(): EventBus {
  if (globalBus === undefined) {
    throw new EventsError(
      'EVENTS_NO_GLOBAL_BUS',
      'No global event bus is set: call setGlobalEventBus(bus) at start-up',
    )
  }
  return globalBus
}
