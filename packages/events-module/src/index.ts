export type { Principal } from './http/access/principal.ts'
export { createToken, type TokenEntry } from './http/access/tokens.ts'
export type { AnyEventBus, Authorize, EventsModuleOptions, RateLimit } from './options.ts'
export { eventsModule } from './plugin.ts'
