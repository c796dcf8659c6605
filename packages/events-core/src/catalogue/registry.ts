import { checkOptions, integer, type OptionRule, object, text } from '../check-options.ts'
import { type Issue, invalid } from '../errors.ts'
import type { JsonObject } from '../event/json.ts'
import { typeNameProblem } from '../event/type-name.ts'
import { CATALOGUE } from './catalogue.ts'
import type { EventTypeDefinition } from './definition.ts'

/** The event types that a bus knows. Other types are stored and delivered in the same way. */
export interface EventTypeRegistry {
  get(type: string): EventTypeDefinition | undefined
  list(): readonly EventTypeDefinition[]
  /**
   * Adds a type, or replaces one of the same name.
   * @throws EventsError EVENTS_INVALID if a field is missing, unknown or invalid
   */
  register(definition: EventTypeDefinition): void
  /** Returns where `data` differs from the type's schema; empty if it matches or no schema is known. */
  check(type: string, data: JsonObject): readonly Issue[]
}

/** Returns where `data` differs from what a definition requires. */
export type PayloadCheck = (definition: EventTypeDefinition, data: JsonObject) => readonly Issue[]

const REQUIRED = ['type', 'description', 'priority'] as const
const RULES: Readonly<Record<keyof EventTypeDefinition, OptionRule>> = {
  type: typeNameProblem,
  description: text(1_000),
  priority: integer(0, 100),
  payload: object,
}

/** Keeps event types in memory: those given, in their order, then those registered later. */
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
 * Returns a registry of the built-in types without payload checks: the default of a bus. `createTypeRegistry` in
 * `@viewra/events-core/schemas` also checks payloads.
 */
export function catalogueRegistry(): EventTypeRegistry {
  return new TypeRegistry(CATALOGUE, () => [])
}
