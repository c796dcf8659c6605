import type { JsonObject } from '../event/json.ts'

/** What is known about an event type before any event of it occurs. */
export interface EventTypeDefinition {
  readonly type: string
  readonly description: string
  /** The default priority of its events. */
  readonly priority: number
  /** The JSON Schema of `data`, if known. */
  readonly payload?: JsonObject
}
