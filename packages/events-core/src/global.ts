import type { EventBus } from './bus/bus.ts'
import { EventsError } from './errors.ts'

let globalBus: EventBus | undefined

/** Makes a bus the one that `getGlobalEventBus` answers with, for code that nobody can hand a bus; undefined takes it back. */
export function setGlobalEventBus(bus: EventBus | undefined): void {
  globalBus = bus
}

/** @throws EventsError EVENTS_NO_GLOBAL_BUS before `setGlobalEventBus` was called */
export function getGlobalEventBus(): EventBus {
  if (globalBus === undefined) {
    throw new EventsError(
      'EVENTS_NO_GLOBAL_BUS',
      'No global event bus is set: call setGlobalEventBus(bus) at start-up',
    )
  }
  return globalBus
}
