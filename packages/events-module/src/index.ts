export type { AnyEventBus, EventsModuleOptions } from './options.ts'
export { eventsModule } from './plugin.ts'
