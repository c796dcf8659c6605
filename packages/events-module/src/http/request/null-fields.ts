import { EventInputSchema } from '../event-schema.ts'

const REQUIRED: readonly string[] = EventInputSchema.required ?? []
const OPTIONAL = Object.keys(EventInputSchema.properties).filter((name) => !REQUIRED.includes(name))

/**
 * Removes optional fields that are null from an event as it was sent, before it is checked: clients of the older
 * service write null for what an event does not have. In process null stays a mistake that TypeScript finds.
 */
export function removeNullFields(event: unknown): void {
  if (typeof event !== 'object' || event === null) return
  for (const name of OPTIONAL) if (Reflect.get(event, name) === null) Reflect.deleteProperty(event, name)
}
