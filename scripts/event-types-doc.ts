// Prints docs/event-types.md from the catalogue and the payload schemas:
//   node --conditions=@viewra/source scripts/event-types-doc.ts > docs/event-types.md
import { CATALOGUE } from '../packages/events-core/src/catalogue/catalogue.ts'
import type { EventTypeDefinition } from '../packages/events-core/src/catalogue/definition.ts'
import { expectation } from '../packages/events-core/src/catalogue/expectation.ts'
import { payloadSchemas } from '../packages/events-core/src/catalogue/schemas.ts'

const INTRODUCTION = `# Built-in event types

<!-- Written by scripts/event-types-doc.ts: edit the schemas, not this page. -->

Events of any other type are stored and delivered in the same way; for these types the payload, the event's \`data\`, is known
in advance. A payload may always have additional fields. \`library_id\` is a number, every other id a string. The priority is that of
an event published without one: 1 is low, 5 normal, 10 high, 20 critical.

\`createTypeRegistry()\` from \`@viewra/events-core/schemas\` contains these types with the JSON Schemas of their payloads and checks
payloads against them; \`payloadSchemas\`, from the same subpath, are the TypeBox schemas.
`

const schemas = new Map(Object.entries(payloadSchemas))

export function eventTypesDoc(): string {
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

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return `${lines.join('\n')}\n`
}

if (import.meta.main) process.stdout.write(eventTypesDoc())
