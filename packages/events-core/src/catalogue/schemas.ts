import type { TObject } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler, type ValueError, ValueErrorType } from '@sinclair/typebox/compiler'
import type { Issue } from '../errors.ts'
import type { JsonObject } from '../event/json.ts'
import { CATALOGUE } from './catalogue.ts'
import type { EventTypeDefinition } from './definition.ts'
import { expectation } from './expectation.ts'
import { payloadSchemas } from './payloads.ts'
import { type EventTypeRegistry, TypeRegistry } from './registry.ts'

export { payloadSchemas }

/** At most this many issues per payload: the first few say what is wrong. */
const MAX_ISSUES = 10

const SCHEMAS: ReadonlyMap<string, TObject> = new Map(Object.entries(payloadSchemas))
const BUILT_IN = CATALOGUE.map(withPayload)
// Keyed by definition, not by type: a type that was registered again no longer has its built-in meaning.
const SCHEMA_OF = new Map(BUILT_IN.map((definition) => [definition, SCHEMAS.get(definition.type)]))
const compiled = new Map<EventTypeDefinition, TypeCheck<TObject>>()

/**
 * Returns a registry of the built-in event types with the JSON Schemas of their payloads, which `check` applies. Types that
 * are registered later, or replace a built-in one, are not checked.
 *
 * TypeBox's TypeCompiler compiles a check when its type first occurs. It uses `new Function`, so a process that forbids
 * code generation from strings cannot use this registry.
 */
export function createTypeRegistry(): EventTypeRegistry {
  return new TypeRegistry(BUILT_IN, check)
}

function withPayload(definition: EventTypeDefinition): EventTypeDefinition {
  // Through JSON, because TypeBox's objects have symbols that readers of JSON Schema do not expect.
  const payload: JsonObject = JSON.parse(JSON.stringify(SCHEMAS.get(definition.type)))
  return Object.freeze({ ...definition, payload })
}

function check(definition: EventTypeDefinition, data: JsonObject): readonly Issue[] {
  const validator = validatorOf(definition)
  return validator === undefined || validator.Check(data) ? [] : issuesOf(validator.Errors(data))
}

function validatorOf(definition: EventTypeDefinition): TypeCheck<TObject> | undefined {
  const known = compiled.get(definition)
  if (known !== undefined) return known
  const schema = SCHEMA_OF.get(definition)
  if (schema === undefined) return undefined
  const validator = TypeCompiler.Compile(schema)
  compiled.set(definition, validator)
  return validator
}

/** Returns one issue per path: TypeBox reports a missing field twice, the second time as having the wrong type. */
function issuesOf(errors: Iterable<ValueError>): Issue[] {
  const byPath = new Map<string, Issue>()
  for (const error of errors) {
    const path = dotted(error.path)
    if (!byPath.has(path)) byPath.set(path, { path, message: messageOf(error) })
    if (byPath.size === MAX_ISSUES) break
  }
  return [...byPath.values()]
}

/** Converts a JSON pointer within the payload to a path within the event. No payload field needs escapes. */
function dotted(pointer: string): string {
  return `data${pointer.replaceAll('/', '.')}`
}

/** Omits the value: a payload may contain data that must not be logged. */
function messageOf(error: ValueError): string {
  if (error.type === ValueErrorType.ObjectRequiredProperty) return 'is missing'
  return `must be ${expectation(error.schema)}`
}
