import { checkOptions, integer, type OptionRule, object, text } from '../check-options.ts'
import { type Issue, invalid } from '../errors.ts'
import type { JsonObject } from '../event/json.ts'
import { typeNameProblem } from '../event/type-name.ts'
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

const REQUIRED = ['type', 'description', 'priority'] as const
const RULES: Readonly<Record<keyof EventTypeDefinition, OptionRule>> = {
  type: typeNameProblem,
  description: text(1_000),
  priority: integer(0, 100),
  payload: object,
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
