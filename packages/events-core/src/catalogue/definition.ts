import type { JsonObject } from '../event/json.ts'

/** What is known of an event type before any event of it was seen. */
export interface EventTypeDefinition {
  readonly type: string
  readonly description: string
  /** Priority of an event that is published without one. */
  readonly priority: number
  /** JSON Schema of `data`, where one is known. */
  readonly payload?: JsonObject
}
