import { EventInputSchema } from '../event-schema.ts'

const REQUIRED: readonly string[] = EventInputSchema.required ?? []
const OPTIONAL = Object.keys(EventInputSchema.properties).filter((name) => !REQUIRED.includes(name))

/**
 * Removes optional fields and extensions that are null from an event as it was sent, before it is checked: clients of the
 * older service write null for what an event does not have, and CloudEvents in JSON do so for attributes. In process null
 * stays a mistake that TypeScript finds.
 */
export function removeNullFields(event: unknown): void {
  if (typeof event !== 'object' || event === null) return
  removeNulls(event, OPTIONAL)
  const extensions: unknown = Reflect.get(event, 'extensions')
  const isObject = typeof extensions === 'object' && extensions !== null && !Array.isArray(extensions)
  if (isObject) removeNulls(extensions, Object.keys(extensions))
}

function removeNulls(object: object, names: readonly string[]): void {
  for (const name of names) if (Reflect.get(object, name) === null) Reflect.deleteProperty(object, name)
}
