import { Type } from '@sinclair/typebox'
import {
  CLOUD_EVENT_ATTRIBUTES,
  type EventInput,
  type Issue,
  isEventsError,
  type JsonObject,
  type PublishedEvent,
} from '@viewra/events-core'
import { EventInputSchema } from '../event-schema.ts'
import { invalidRequest } from '../problem.ts'
import { checkerOf } from '../request/validation.ts'
import { readSource, writeSource } from './source.ts'

/**
 * An event in the JSON format of CloudEvents 1.0 (https://github.com/cloudevents/spec), beside its own extensions. Fields for
 * which CloudEvents has no attribute are extensions, too. Integers are 32 bits wide there, too few for `ttl` and
 * `position`: both are strings, whatever their size.
 */
export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  /** A URI reference: what may not stand in one is percent-encoded. */
  readonly source: string
  readonly type: string
  readonly time: string
  /** The event's `target`; absent when that is empty. */
  readonly subject?: string
  readonly datacontenttype: 'application/json'
  readonly data: JsonObject
  readonly title?: string
  readonly message?: string
  readonly priority: number
  /** With commas between them; a backslash is before each comma and backslash in a tag. */
  readonly tags?: string
  readonly ttl?: string
  readonly correlationid?: string
  readonly causationid?: string
  readonly traceparent?: string
  readonly position?: string
  readonly recordedtime?: string
}

export const CLOUD_EVENT_INPUT_EXAMPLE = {
  specversion: '1.0',
  id: '01939c2e-7a10-7c3b-9d5e-5f1f4a2b6c7d',
  source: 'plugin:scanner',
  type: 'scan.progress',
  data: { scan_id: 's1', library_id: 5, progress: 40 },
}

const OTHER_ATTRIBUTES =
  'Other attributes are the event’s `extensions`: strings, booleans or 32-bit integers.'

/** A CloudEvent as it is taken; `fromCloudEvent` says more precisely what of it. */
export const CloudEventSchema = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Type.String(),
    source: Type.String({ format: 'uri-reference' }),
    type: Type.String(),
    time: Type.Optional(Type.String({ format: 'date-time' })),
    subject: Type.Optional(Type.String()),
    datacontenttype: Type.Optional(Type.String()),
    dataschema: Type.Optional(Type.String()),
    data: Type.Optional(Type.Object({}, { additionalProperties: true })),
    title: Type.Optional(Type.String()),
    message: Type.Optional(Type.String()),
    priority: Type.Optional(Type.Union([Type.Integer(), Type.String()])),
    tags: Type.Optional(Type.String()),
    ttl: Type.Optional(Type.Union([Type.Integer(), Type.String()])),
    correlationid: Type.Optional(Type.String()),
    causationid: Type.Optional(Type.String()),
    traceparent: Type.Optional(Type.String()),
  },
  {
    $id: 'CloudEventInput',
    // Not of the schema of their values: generated types would then ask for such a value of `data` too.
    additionalProperties: true,
    description: `A CloudEvent 1.0 in JSON. ${OTHER_ATTRIBUTES}`,
    examples: [CLOUD_EVENT_INPUT_EXAMPLE],
  },
)

/** A CloudEvent as it is answered. */
export const CLOUD_EVENT_EXAMPLE = {
  ...CLOUD_EVENT_INPUT_EXAMPLE,
  time: '2026-01-31T18:30:00.000Z',
  datacontenttype: 'application/json',
  position: '1042',
}

export const AnsweredCloudEventSchema = Type.Object(
  {
    ...CloudEventSchema.properties,
    position: Type.Optional(Type.String({ description: 'Unique, increasing, in the order of storing.' })),
    recordedtime: Type.Optional(Type.String({ format: 'date-time', description: 'When it was stored.' })),
  },
  {
    $id: 'CloudEvent',
    additionalProperties: true,
    description: `An event as a CloudEvent 1.0. ${OTHER_ATTRIBUTES}`,
    examples: [CLOUD_EVENT_EXAMPLE],
  },
)

/** Issues about a field are told under the attribute's name. */
const BY_FIELD: ReadonlyMap<string, string> = new Map(Object.entries(CLOUD_EVENT_ATTRIBUTES))
const { position, recorded_at: recordedAt, ...PUBLISHED } = CLOUD_EVENT_ATTRIBUTES
const FIELDS: ReadonlyMap<string, string> = new Map(
  Object.entries(PUBLISHED).map(([field, attribute]) => [attribute, field]),
)
const GIVEN_BY_THE_STORE: ReadonlySet<string> = new Set([position, recordedAt])
/** Attributes that every event has alike, so none keeps them. */
const FIXED: ReadonlySet<string> = new Set(['specversion', 'datacontenttype'])
const REQUIRED: readonly string[] = ['specversion', 'id', 'source', 'type']
const JSON_TYPE = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i
const TAG = /(?:[^\\,]|\\[\\,])+/g
const TAGS = /^(?:(?:[^\\,]|\\[\\,])+(?:,(?!$)|$))*$/
const INTEGER = /^\d{1,15}$/

const checkInput = checkerOf(EventInputSchema)

/** Returns the event as a CloudEvent, with all that it has. `fromCloudEvent` makes the same event of it. */
export function toCloudEvent(event: PublishedEvent): CloudEvent {
  const { ttl, position, correlation_id: correlation, causation_id: causation, traceparent } = event
  return {
    // None has the name of an attribute below: such names are refused when an event is published.
    ...event.extensions,
    specversion: '1.0',
    id: event.id,
    source: writeSource(event.source),
    type: event.type,
    time: event.timestamp,
    ...(event.target !== '' && { subject: event.target }),
    datacontenttype: 'application/json',
    data: event.data,
    ...(event.title !== '' && { title: event.title }),
    ...(event.message !== '' && { message: event.message }),
    priority: event.priority,
    ...(event.tags.length > 0 && { tags: event.tags.map(writeTag).join(',') }),
    ...(ttl !== undefined && { ttl: String(ttl) }),
    ...(correlation !== undefined && { correlationid: correlation }),
    ...(causation !== undefined && { causationid: causation }),
    ...(traceparent !== undefined && { traceparent }),
    ...(position !== undefined && { position: String(position) }),
    ...(event.recorded_at !== undefined && { recordedtime: event.recorded_at }),
  }
}

/**
 * Returns what a CloudEvent asks to publish. An attribute that is null counts as absent; numbers may be strings, as all
 * attributes are in headers. Nothing is dropped: attributes that no field keeps become extensions.
 * @throws EventsError EVENTS_INVALID with the attribute of each broken rule; lengths and patterns are left to the bus,
 *   whose issues `withAttributeName` translates
 */
export function fromCloudEvent(attributes: unknown): EventInput {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw invalidRequest([{ path: '', message: 'must be a JSON object, a CloudEvent' }])
  const given = Object.entries(attributes).filter(([, value]) => value !== null)
  const issues = missingIssues(given.map(([name]) => name))
  const input: Record<string, unknown> = {}
  const extensions: [string, unknown][] = []
  for (const [name, value] of given) {
    const problem = problemOf(name, value)
    const field = FIELDS.get(name)
    if (problem !== undefined) issues.push({ path: name, message: problem })
    else if (field !== undefined) input[field] = fieldOf(name, value)
    else if (!FIXED.has(name)) extensions.push([name, value])
  }
  throwIssues(issues)
  // Not by assignment, which would set the prototype if one were called __proto__.
  if (extensions.length > 0) input.extensions = Object.fromEntries(extensions)
  const checked = checkInput(input)
  if ('value' in checked) return checked.value
  const [first, ...others] = checked.issues
  throw invalidRequest([withAttributeName(first), ...others.map(withAttributeName)])
}

/**
 * As `fromCloudEvent`, for a list.
 * @throws EventsError EVENTS_INVALID with every broken rule of every event, each path beginning with its index
 */
export function fromCloudEvents(batch: unknown): readonly EventInput[] {
  if (!Array.isArray(batch))
    throw invalidRequest([{ path: '', message: 'must be a JSON array of CloudEvents' }])
  const issues: Issue[] = []
  const inputs = batch.flatMap((item: unknown, index) => {
    try {
      return [fromCloudEvent(item)]
    } catch (error) {
      if (!isEventsError(error)) throw error
      for (const { path, message } of error.issues)
        issues.push({ path: path === '' ? `${index}` : `${index}.${path}`, message })
      return []
    }
  })
  throwIssues(issues)
  return inputs
}

/** Returns an issue about an event's field as one about the CloudEvent's attribute. */
export function withAttributeName({ path, message }: Issue): Issue {
  const [, index = '', field = '', rest = ''] = /^(\d+\.)?([^.]*)(.*)$/s.exec(path) ?? []
  // An extension is an attribute by its own name.
  if (field === 'extensions' && rest !== '') return { path: `${index}${rest.slice(1)}`, message }
  return { path: `${index}${BY_FIELD.get(field) ?? field}${rest}`, message }
}

function throwIssues([first, ...others]: readonly Issue[]): void {
  if (first !== undefined) throw invalidRequest([first, ...others])
}

function missingIssues(names: readonly string[]): Issue[] {
  return REQUIRED.filter((name) => !names.includes(name)).map((path) => ({
    path,
    message: 'is missing: every CloudEvent has it',
  }))
}

function problemOf(name: string, value: unknown): string | undefined {
  if (name === 'specversion')
    return value === '1.0' ? undefined : "must be '1.0', the only version that is taken"
  if (name === 'datacontenttype') return contentTypeProblem(value)
  if (name === 'data_base64') return 'is not taken: send a JSON object as data'
  if (GIVEN_BY_THE_STORE.has(name)) return 'is assigned by the store and cannot be published'
  return FIELDS.has(name) ? valueProblem(name, value) : undefined
}

function contentTypeProblem(value: unknown): string | undefined {
  return typeof value === 'string' && JSON_TYPE.test(value)
    ? undefined
    : 'must be application/json, the only data that is taken'
}

function valueProblem(name: string, value: unknown): string | undefined {
  if (name === 'data') {
    const isObject = typeof value === 'object' && !Array.isArray(value)
    return isObject ? undefined : 'must be a JSON object'
  }
  if (name === 'priority' || name === 'ttl') {
    const isInteger = typeof value === 'number' || (typeof value === 'string' && INTEGER.test(value))
    return isInteger ? undefined : 'must be an integer, as a number or a text'
  }
  if (typeof value !== 'string') return 'must be a text'
  if (name === 'source') return readSource(value) === undefined ? SOURCE_RULE : undefined
  return name === 'tags' && !TAGS.test(value) ? TAGS_RULE : undefined
}

const SOURCE_RULE =
  'must be a URI reference in UTF-8 that escapes no character without need: what is escaped is stored unescaped'
const TAGS_RULE =
  'must be tags with commas between them, with a backslash before each comma and backslash in a tag'

function fieldOf(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (name === 'source') return readSource(value)
  if (name === 'tags') return readTags(value)
  return name === 'priority' || name === 'ttl' ? Number(value) : value
}

/** Not percent-encoded, because headers are decoded once more, and not by every SDK encoded. */
function writeTag(tag: string): string {
  return tag.replace(/[\\,]/g, '\\$&')
}

function readTags(text: string): readonly string[] {
  return Array.from(text.matchAll(TAG), ([tag]) => tag.replace(/\\(.)/gs, '$1'))
}
