import { type Static, Type } from '@sinclair/typebox'
import {
  type EventFilter,
  type Extensions,
  type Issue,
  isEventsError,
  type JsonObject,
  PRIORITY,
  validateFilter,
} from '@viewra/events-core'
import { ExtensionValueSchema } from '../event-schema.ts'
import { invalidRequest } from '../problem.ts'

const list = (name: string, description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { $id: `${name}Filter`, description, allowEmptyValue: true }),
  )

const PrioritySchema = Type.Union(
  [
    Type.Integer({ minimum: 0, maximum: 100 }),
    Type.Literal('low'),
    Type.Literal('normal'),
    Type.Literal('high'),
    Type.Literal('critical'),
  ],
  { $id: 'PriorityFilter', description: 'The least priority: a number or a name.', allowEmptyValue: true },
)

/** The conditions as clients send them: keys are paths, and values are scalars. */
const SentDataSchema = Type.Record(
  Type.String(),
  Type.Union([Type.String(), Type.Number(), Type.Boolean()]),
  { $id: 'DataFilter', examples: [{ 'library.id': 5 }] },
)

const DataSchema = Type.Unsafe<JsonObject>(
  Type.Object(
    {},
    {
      additionalProperties: true,
      sent: SentDataSchema,
      rule: 'given by its fields, as data.<path>=<value> or data[<path>]=<value>',
      description:
        'What the data must have, each as `data[<path>]=<value>` or `data.<path>=<value>`: `data[library.id]=5`. ' +
        'A value that is a number, `true`, `false`, `null` or a string in quotes is that, any other is a string.',
    },
  ),
)

const SentExtensionsSchema = Type.Record(Type.String(), ExtensionValueSchema, {
  $id: 'ExtensionFilter',
  examples: [{ partitionkey: 'library-5' }],
})

const ExtSchema = Type.Unsafe<Extensions>(
  Type.Object(
    {},
    {
      additionalProperties: true,
      sent: SentExtensionsSchema,
      rule: 'given by its names, as ext.<name>=<value> or ext[<name>]=<value>',
      description:
        'What extensions the event must have, each as `ext[<name>]=<value>` or `ext.<name>=<value>`: `ext.partitionkey=a`. ' +
        'Values are compared as CloudEvents writes them: `5` selects the number and the string.',
    },
  ),
)

/** Parameters that say what kind of events; lists take repeats and commas, and one without value is no condition. */
export const selectionParameters = {
  type: list('Type', 'Types: exact, `scan.*` for all below scan, `*` for all.'),
  types: list('Type', 'The same as `type`.'),
  source: list(
    'Source',
    'Sources: exact, or a prefix that ends in `*`. A comma within one is written `\\,`.',
  ),
  sources: list('Source', 'The same as `source`.'),
  tags: list('Tag', 'Any of these tags. A comma within one is written `\\,`.'),
  priority: Type.Optional(PrioritySchema),
  target: Type.Optional(Type.String({ minLength: 1, description: 'Exactly this target.' })),
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      rule: 'a text of 1 to 256 characters',
      description: 'Text in title or message, in upper or lower case.',
    }),
  ),
  data: Type.Optional(DataSchema),
  ext: Type.Optional(ExtSchema),
}

/** A time. A space in one was a + that was not escaped. */
export const timeParameter = (description: string) =>
  Type.String({
    pattern: '^[^ ]+$',
    rule: 'an RFC 3339 time; write a + in it as %2B',
    description: `${description} RFC 3339; write a + in it as %2B.`,
  })

const SelectionSchema = Type.Object(selectionParameters)

export interface Selection extends Static<typeof SelectionSchema> {
  readonly since?: string
  readonly until?: string
}

/** The parameter that each item of a filter's list came from. */
interface Origins {
  readonly types: readonly string[]
  readonly sources: readonly string[]
}

/**
 * The filter that the parameters ask for.
 * @throws EventsError EVENTS_INVALID that names the parameters as the request did
 */
export function filterOf(selection: Selection): EventFilter {
  const {
    type = [],
    types = [],
    source = [],
    sources = [],
    tags,
    priority,
    target,
    q,
    data,
    ext,
    since,
    until,
  } = selection
  const filter = {
    // No type has white space in it; sources and tags may, and are taken as they are.
    ...orAbsent(
      'types',
      [...type, ...types].map((item) => item.trim()),
    ),
    ...orAbsent('sources', [...source, ...sources]),
    ...orAbsent('tags', tags ?? []),
    minPriority: typeof priority === 'string' ? PRIORITY[priority] : priority,
    target,
    text: q,
    data,
    extensions: ext,
    since,
    until,
  }
  const origins = {
    types: [...type.map(() => 'type'), ...types.map(() => 'types')],
    sources: [...source.map(() => 'source'), ...sources.map(() => 'sources')],
  }
  try {
    return validateFilter(filter)
  } catch (error) {
    throw withParameterNames(error, origins)
  }
}

/**
 * A parameter's time in UTC with milliseconds.
 * @throws EventsError EVENTS_INVALID that names the parameter
 */
export function timeOf(parameter: string, text: string): string {
  try {
    return validateFilter({ since: text }).since ?? text
  } catch (error) {
    if (!isEventsError(error)) throw error
    const [issue] = error.issues
    throw invalidRequest([{ path: parameter, message: issue?.message ?? error.message }])
  }
}

function orAbsent(name: string, items: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return items.length === 0 ? {} : { [name]: items }
}

function withParameterNames(error: unknown, origins: Origins): unknown {
  if (!isEventsError(error) || error.code !== 'EVENTS_INVALID') return error
  const [first, ...others] = error.issues.map((issue) => renamed(issue, origins))
  return first === undefined ? error : invalidRequest([first, ...others])
}

/** Parameters whose names differ from the filter's conditions. */
const PARAMETERS: ReadonlyMap<string, string> = new Map([
  ['minPriority', 'priority'],
  ['text', 'q'],
])

function renamed({ path, message }: Issue, origins: Origins): Issue {
  const [condition = '', index = '0'] = path.split('.')
  const items = condition === 'types' ? origins.types : condition === 'sources' ? origins.sources : []
  if (condition === 'data') return { path, message }
  if (condition === 'extensions') return { path: path.replace(condition, 'ext'), message }
  return { path: items[Number(index)] ?? PARAMETERS.get(condition) ?? condition, message }
}
