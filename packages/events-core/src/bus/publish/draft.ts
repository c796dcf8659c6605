import type { EventTypeRegistry } from '../../catalogue/registry.ts'
import { integer, type OptionRule, shown, text, upTo } from '../../check-options.ts'
import { type Issue, invalid, isEventsError } from '../../errors.ts'
import { type EventInput, PRIORITY, type PublishedEvent } from '../../event/event.ts'
import { copyExtensions, type Extensions } from '../../event/extensions.ts'
import { createEventId } from '../../event/id.ts'
import { copyJsonObject, type JsonCopy, type JsonObject } from '../../event/json.ts'
import { formatTimestamp, parseTimestamp } from '../../event/timestamp.ts'
import { typeNameProblem } from '../../event/type-name.ts'
import type { EventRecord } from '../../storage/contract/storage.ts'

export interface EventRules {
  readonly registry: EventTypeRegistry
  readonly maxDataBytes: number
  readonly maxFutureMs: number
}

interface Times {
  readonly nowMs: number
  readonly timestampMs: number
}

/** Copies of an input's mutable fields, so that later changes to the input do not reach the event. */
interface Copies {
  readonly data: JsonObject
  readonly extensions: Extensions | undefined
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** An event that is validated but not stored yet: it still lacks what the store assigns. */
export class EventDraft implements EventRecord {
  readonly event: Mutable<PublishedEvent>
  readonly timestampMs: number
  readonly expiresAtMs: number | null
  /** True if it goes to the store; false if it only reaches live subscribers. */
  stored = true
  /** True if the store already had an event with this id. */
  duplicate = false
  #dataJson: string | undefined

  constructor(event: Mutable<PublishedEvent>, timestampMs: number) {
    this.event = event
    this.timestampMs = timestampMs
    this.expiresAtMs = event.ttl === undefined ? null : timestampMs + event.ttl
  }

  /** The data as JSON text; serialised on first use, so never for an event that is not stored. */
  get dataJson(): string {
    this.#dataJson ??= JSON.stringify(this.event.data)
    return this.#dataJson
  }

  /** The approximate size of the draft in the buffer, in bytes. */
  get bytes(): number {
    const { message, extensions } = this.event
    const extensionBytes = extensions === undefined ? 0 : JSON.stringify(extensions).length
    return Buffer.byteLength(this.dataJson) + message.length + extensionBytes + FIXED_BYTES
  }
}

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,128}$/u
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
const HUNDRED_YEARS_MS = 100 * 365.25 * 24 * 3_600_000
const FIXED_BYTES = 500
const NO_TAGS: readonly string[] = Object.freeze([])
const NO_DATA: JsonCopy = { value: Object.freeze({}), bytesAtMost: 2 }

/** URL parsers remove these from a path: `DELETE /events/.` would be `DELETE /events/`. */
const DOTS: readonly unknown[] = ['.', '..']

const identifier: OptionRule = (value) =>
  typeof value === 'string' && PRINTABLE.test(value)
    ? undefined
    : `must be 1 to 128 printable characters, not ${shown(value)}`

const given: OptionRule = () => 'is assigned by the store and cannot be published'

/** The rule for each field; `data`, `extensions` and the timestamp's value are checked where they are converted. */
const RULES: ReadonlyMap<string, OptionRule> = new Map(
  Object.entries<OptionRule>({
    id: (value) =>
      DOTS.includes(value) ? `must not be ${shown(value)}, which URLs remove from a path` : identifier(value),
    type: typeNameProblem,
    source: text(256),
    target: upTo(256),
    title: upTo(512),
    message: upTo(8192),
    data: () => undefined,
    priority: integer(0, 100),
    tags: tagsProblem,
    timestamp: (value) =>
      typeof value === 'string' && parseTimestamp(value) !== undefined
        ? undefined
        : `must be an RFC 3339 time like 2030-01-31T12:00:00.000Z, not ${shown(value)}`,
    ttl: integer(1, HUNDRED_YEARS_MS),
    correlation_id: identifier,
    causation_id: identifier,
    traceparent: (value) =>
      typeof value === 'string' && TRACEPARENT.test(value)
        ? undefined
        : `must be a W3C traceparent like 00-<32 hex>-<16 hex>-01, not ${shown(value)}`,
    extensions: () => undefined,
    position: given,
    recorded_at: given,
  }),
)

const tagProblem = text(64)

function tagsProblem(value: unknown): string | undefined {
  if (!Array.isArray(value)) return `must be an array of strings, not ${shown(value)}`
  if (value.length > 32) return `must be at most 32 tags, not ${value.length}`
  const wrong = value.findIndex((tag) => tagProblem(tag) !== undefined)
  return wrong === -1 ? undefined : `${tagProblem(value[wrong])}; it is tag ${wrong}`
}

/**
 * Validates a publisher's input and creates a draft from it: fills in defaults, copies and freezes the data.
 * @throws EventsError EVENTS_INVALID with every broken rule
 */
export function draftEvent(input: EventInput, rules: EventRules, nowMs: number): EventDraft {
  const issues = fieldIssues(input)
  const data = input.data === undefined ? NO_DATA : copyJsonObject(input.data, 'data', issues)
  checkSize(data, rules.maxDataBytes, issues)
  const extensions =
    input.extensions === undefined ? undefined : copyExtensions(input.extensions, 'extensions', issues)
  const timestampMs = input.timestamp === undefined ? nowMs : (parseTimestamp(input.timestamp) ?? nowMs)
  if (timestampMs > nowMs + rules.maxFutureMs) {
    issues.push({ path: 'timestamp', message: `must be at most ${rules.maxFutureMs} ms in the future` })
  }
  throwIssues(issues)
  const event = eventOf(input, { data: data.value, extensions }, { nowMs, timestampMs }, rules.registry)
  return new EventDraft(event, timestampMs)
}

function checkSize(data: JsonCopy, maxBytes: number, issues: Issue[]): void {
  if (data.bytesAtMost <= maxBytes) return
  const bytes = Buffer.byteLength(JSON.stringify(data.value))
  if (bytes <= maxBytes) return
  issues.push({ path: 'data', message: `must be at most ${maxBytes} bytes as JSON, not ${bytes}` })
}

function fieldIssues(input: EventInput): Issue[] {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid('event', [{ path: '', message: `must be an object, not ${shown(input)}` }])
  }
  // A publisher may pass anything: the static type is only a promise.
  const fields = input as unknown as Readonly<Record<string, unknown>>
  const issues: Issue[] = []
  for (const field of Object.keys(fields)) {
    const problem = fieldProblem(field, fields[field])
    if (problem !== undefined) issues.push({ path: field, message: problem })
  }
  if (!('type' in input)) issues.push({ path: 'type', message: 'is missing' })
  if (!('source' in input)) issues.push({ path: 'source', message: 'is missing' })
  return issues
}

/** An optional field that is undefined counts as absent. */
function fieldProblem(field: string, value: unknown): string | undefined {
  const rule = RULES.get(field)
  if (rule === undefined) return 'is not a field of an event'
  return value === undefined && field !== 'type' && field !== 'source' ? undefined : rule(value)
}

function throwIssues(issues: readonly Issue[]): void {
  const [first, ...rest] = issues
  if (first !== undefined) throw invalid('event', [first, ...rest])
}

function eventOf(
  input: EventInput,
  { data, extensions }: Copies,
  times: Times,
  registry: EventTypeRegistry,
): EventDraft['event'] {
  const { nowMs, timestampMs } = times
  const event: EventDraft['event'] = {
    id: input.id ?? createEventId(nowMs),
    type: input.type,
    source: input.source,
    target: input.target ?? '',
    title: input.title ?? '',
    message: input.message ?? '',
    data,
    priority: input.priority ?? registry.get(input.type)?.priority ?? PRIORITY.normal,
    tags: input.tags === undefined ? NO_TAGS : Object.freeze([...input.tags]),
    timestamp: formatTimestamp(timestampMs),
  }
  if (input.ttl !== undefined) event.ttl = input.ttl
  if (input.correlation_id !== undefined) event.correlation_id = input.correlation_id
  if (input.causation_id !== undefined) event.causation_id = input.causation_id
  if (input.traceparent !== undefined) event.traceparent = input.traceparent
  if (extensions !== undefined) event.extensions = extensions
  return event
}

const MAX_EVENTS = 10_000

/**
 * Creates drafts of several events, each like `draftEvent`.
 * @throws EventsError EVENTS_INVALID with every broken rule of every event, each path beginning with the event's index
 */
export function draftEvents(
  inputs: readonly EventInput[],
  rules: EventRules & { readonly maxBytes: number },
  nowMs: number,
): readonly EventDraft[] {
  if (!Array.isArray(inputs))
    throw invalid('events', [{ path: '', message: `must be an array, not ${shown(inputs)}` }])
  if (inputs.length > MAX_EVENTS) {
    throw invalid('events', [
      { path: '', message: `must be at most ${MAX_EVENTS} at once, not ${inputs.length}` },
    ])
  }
  const issues: Issue[] = []
  const drafts = inputs.flatMap((input, index) => tryDraft(input, index, issues, rules, nowMs))
  throwIssues(issues)
  const bytes = drafts.reduce((sum, draft) => sum + draft.bytes, 0)
  if (bytes <= rules.maxBytes) return drafts
  throw invalid('events', [
    { path: '', message: `must take at most ${rules.maxBytes} bytes together, not ${bytes}` },
  ])
}

function tryDraft(
  input: EventInput,
  index: number,
  issues: Issue[],
  rules: EventRules,
  nowMs: number,
): EventDraft[] {
  try {
    return [draftEvent(input, rules, nowMs)]
  } catch (error) {
    if (!isEventsError(error)) throw error
    for (const issue of error.issues) {
      issues.push({ path: issue.path === '' ? `${index}` : `${index}.${issue.path}`, message: issue.message })
    }
    return []
  }
}
