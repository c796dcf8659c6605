import { CATALOGUE } from '../../packages/events-core/src/catalogue/catalogue.ts'
import type { EventTypeDefinition } from '../../packages/events-core/src/catalogue/definition.ts'
import { expectation } from '../../packages/events-core/src/catalogue/expectation.ts'
import { payloadSchemas } from '../../packages/events-core/src/catalogue/schemas.ts'
import { GENERATED, table } from './markdown.ts'

const INTRODUCTION = `# Built-in event types

${GENERATED}

Events of any other type are stored and delivered in the same way; for these types the payload, the event's \`data\`, is known
in advance. A payload may always have additional fields. \`library_id\` is a number, every other id a string. The priority is that of
an event published without one: 1 is low, 5 normal, 10 high, 20 critical.

\`createTypeRegistry()\` from \`@viewra/events-core/schemas\` contains these types with the JSON Schemas of their payloads and checks
payloads against them; \`payloadSchemas\`, from the same subpath, are the TypeBox schemas.
`

const schemas = new Map(Object.entries(payloadSchemas))

/** Returns docs/reference/event-types.md, from the catalogue and the payload schemas. */
export function eventTypesPage(): string {
  return [INTRODUCTION, overview(), ...CATALOGUE.map(section)].join('\n')
}

function overview(): string {
  const rows = CATALOGUE.map(({ type, priority, description }) => [
    `[\`${type}\`](#${anchor(type)})`,
    String(priority),
    description,
  ])
  return table(['Type', 'Priority', 'Meaning'], rows)
}

/** Returns the anchor that GitHub derives from a heading. */
function anchor(type: string): string {
  return type.replaceAll('.', '')
}

function section({ type, description }: EventTypeDefinition): string {
  return `## \`${type}\`\n\n${description}\n\n${table(['Field', 'Must be', 'Required', 'Meaning'], fieldRows(type))}`
}

function fieldRows(type: string): string[][] {
  const payload = schemas.get(type)
  if (payload === undefined) throw new Error(`${type} has no payload schema`)
  const { properties, required = [] } = payload
  return Object.entries(properties).map(([field, schema]) => [
    `\`${field}\``,
    expectation(schema),
    required.includes(field) ? 'yes' : 'no',
    String(schema.description),
  ])
}
