import { checkOptions, integer, type OptionRule, object, shown, text } from '../check-options.ts'
import { type Issue, invalid } from '../errors.ts'
import type { JsonObject } from '../event/json.ts'
import { CATALOGUE } from './catalogue.ts'
import type { EventTypeDefinition } from './definition.ts'

/** The event types a bus knows. Other types are stored and delivered just the same. */
export interface EventTypeRegistry {
  get(type: string): EventTypeDefinition | undefined
  list(): readonly EventTypeDefinition[]
  /**
   * Adds a type, or replaces one of the same name.
   * @throws EventsError EVENTS_INVALID when a field is missing, unknown or wrong
   */
  register(definition: EventTypeDefinition): void
  /** Where `data` differs from the type's schema; empty when it fits or no schema is known. */
  check(type: string, data: JsonObject): readonly Issue[]
}

/** Says where `data` differs from what a definition asks for. */
export type PayloadCheck = (definition: EventTypeDefinition, data: JsonObject) => readonly Issue[]

const TYPE = /^[a-z0-9_]+(\.[a-z0-9_]+)*$/
const REQUIRED = ['type', 'description', 'priority'] as const
const RULES: Readonly<Record<keyof EventTypeDefinition, OptionRule>> = {
  type: typeNameProblem,
  description: text(1_000),
  priority: integer(0, 100),
  payload: object,
}

/** Names that were found to be right: to look one up is a third of the cost of the pattern. */
const seen = new Set<string>()
/** Publishers may invent names without end. */
const MAX_SEEN = 1_000

function isTypeName(text: string): boolean {
  if (!TYPE.test(text)) return false
  if (seen.size >= MAX_SEEN) seen.clear()
  seen.add(text)
  return true
}

/** Says what is wrong with an event type's name, or nothing when it is fine. */
export function typeNameProblem(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= 128 && (seen.has(value) || isTypeName(value))
    ? undefined
    : `must be dot-separated words of a-z, 0-9 and _ (like 'scan.progress'), at most 128 characters, not ${shown(value)}`
}

/** Event types in memory: those given, in their order, then those that are registered. */
export class TypeRegistry implements EventTypeRegistry {
  readonly #definitions: Map<string, EventTypeDefinition>
  readonly #check: PayloadCheck

  constructor(definitions: readonly EventTypeDefinition[], check: PayloadCheck) {
    this.#definitions = new Map(definitions.map((definition) => [definition.type, definition]))
    this.#check = check
  }

  get(type: string): EventTypeDefinition | undefined {
    return this.#definitions.get(type)
  }

  list(): readonly EventTypeDefinition[] {
    return [...this.#definitions.values()]
  }

  register(definition: EventTypeDefinition): void {
    const missing = REQUIRED.find((field) => definition[field] === undefined)
    if (missing !== undefined) throw invalid('event type', [{ path: missing, message: 'is missing' }])
    checkOptions('event type', definition, RULES)
    this.#definitions.set(definition.type, Object.freeze({ ...definition }))
  }

  check(type: string, data: JsonObject): readonly Issue[] {
    const definition = this.#definitions.get(type)
    return definition === undefined ? [] : this.#check(definition, data)
  }
}

/**
 * The built-in types without payload checks: what a bus has that is given no registry. `createTypeRegistry` in
 * `@viewra/events-core/schemas` checks payloads too.
 */
export function catalogueRegistry(): EventTypeRegistry {
  return new TypeRegistry(CATALOGUE, () => [])
}
