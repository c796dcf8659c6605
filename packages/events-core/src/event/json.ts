import type { Issue } from '../errors.ts'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/** SQLite's JSON functions and PostgreSQL's default stack both allow far more. */
const MAX_DEPTH = 100

/** The position of a copy within a value: in `container`, at `key`. Created only for nested values. */
interface Place {
  readonly container: object
  readonly key: string | number
  readonly parent: Place | undefined
}

/** Thrown within a copy at the first value that is not JSON, so that the happy path needs no array of issues. */
class NotJson {
  readonly keys: readonly (string | number)[]
  readonly message: string

  constructor(message: string, key: string | number, inside: Place | undefined) {
    this.message = message
    this.keys = [...placesFrom(inside).map((place) => place.key), key]
  }
}

/** From the outermost container to this one. */
function placesFrom(place: Place | undefined): readonly Place[] {
  return place === undefined ? [] : [...placesFrom(place.parent), place]
}

export interface JsonCopy {
  readonly value: JsonObject
  /** An upper bound for the bytes of the value as JSON in UTF-8, computed without serialising it. */
  readonly bytesAtMost: number
}

/**
 * Returns a frozen deep copy of a plain JSON object, so that readers are not affected by later changes. An undefined
 * property counts as absent. Anything else that JSON would lose or change (NaN, Date, BigInt, Map, class
 * instances, cycles) is added to `issues`, with its path below `path`; the copy is then empty.
 */
export function copyJsonObject(value: unknown, path: string, issues: Issue[]): JsonCopy {
  if (!isPlainObject(value)) {
    issues.push({ path, message: `must be a plain JSON object, not ${kindOf(value)}` })
    return NOTHING
  }
  return copyAt([path], value, issues)
}

/** Copies any JSON value as `copyJsonObject` copies an object. Returns undefined and adds an issue if it is not JSON. */
export function copyJsonValue(value: unknown, path: string, issues: Issue[]): JsonValue | undefined {
  if (value === undefined) issues.push({ path, message: 'must be a JSON value, not undefined' })
  // Within an object, because a scalar has no place of its own that a message could name.
  return copyAt([], { [path]: value }, issues).value[path]
}

const NOTHING: JsonCopy = { value: {}, bytesAtMost: 2 }

function copyAt(
  path: readonly string[],
  value: Readonly<Record<string, unknown>>,
  issues: Issue[],
): JsonCopy {
  try {
    return new Copy(value)
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    issues.push({ path: [...path, ...error.keys].join('.'), message: error.message })
    return NOTHING
  }
}

/** At least as long as `-1.2345678901234567e-300`. */
const LONGEST_SCALAR = 25
/** An escaped character takes six bytes; so does half of a surrogate pair. */
const LONGEST_CHARACTER = 6
/** For a string its quotes and a comma; for a key its quotes, a colon and a comma; for a container its brackets and a comma. */
const MARKS = { text: 3, key: 4, container: 3 } as const

/** Copies an object and adds up the bytes it may take, in one walk. */
class Copy implements JsonCopy {
  readonly value: JsonObject
  bytesAtMost = 0

  constructor(value: Readonly<Record<string, unknown>>) {
    this.value = this.#object(value, undefined)
  }

  #any(value: unknown, container: object, key: string | number, inside: Place | undefined): JsonValue {
    if (typeof value === 'string') {
      this.bytesAtMost += LONGEST_CHARACTER * value.length + MARKS.text
      return value
    }
    if (typeof value === 'object' && value !== null) return this.#nested(value, container, key, inside)
    this.bytesAtMost += LONGEST_SCALAR
    if (typeof value === 'boolean' || value === null) return value
    if (typeof value !== 'number')
      throw new NotJson(`must be a JSON value, not ${kindOf(value)}`, key, inside)
    if (!Number.isFinite(value)) throw new NotJson(`must be a finite number, not ${value}`, key, inside)
    // JSON has no negative zero; what subscribers see live must equal what is stored.
    return value === 0 ? 0 : value
  }

  #nested(value: object, container: object, key: string | number, inside: Place | undefined): JsonValue {
    const place = placeOf(value, { container, key, parent: inside })
    if (Array.isArray(value)) return this.#array(value, place)
    if (isPlainObject(value)) return this.#object(value, place)
    throw new NotJson(`must be a JSON value, not ${kindOf(value)}`, key, inside)
  }

  #array(value: readonly unknown[], inside: Place): JsonValue {
    this.bytesAtMost += MARKS.container
    const copy: JsonValue[] = []
    // Not `map`, which would leave holes as holes.
    for (let index = 0; index < value.length; index++)
      copy.push(this.#any(value[index], value, index, inside))
    return Object.freeze(copy)
  }

  #object(value: Readonly<Record<string, unknown>>, inside: Place | undefined): JsonObject {
    this.bytesAtMost += MARKS.container
    const copy: Record<string, JsonValue> = {}
    for (const key of Object.keys(value)) {
      const item = value[key]
      if (item === undefined) continue
      this.bytesAtMost += LONGEST_CHARACTER * key.length + MARKS.key
      const copied = this.#any(item, value, key, inside)
      // Assigning to `__proto__` would set the prototype instead of a property.
      if (key === '__proto__') Object.defineProperty(copy, key, { value: copied, enumerable: true })
      else copy[key] = copied
    }
    return Object.freeze(copy)
  }
}

/** Returns the place of a nested value; throws if the value contains itself or is nested too deeply. */
function placeOf(value: object, place: Place): Place {
  let depth = 1
  for (let at: Place | undefined = place; at !== undefined; at = at.parent, depth++) {
    if (at.container === value)
      throw new NotJson('must not contain itself: JSON has no cycles', place.key, place.parent)
  }
  if (depth <= MAX_DEPTH) return place
  throw new NotJson(`must not be nested deeper than ${MAX_DEPTH} levels`, place.key, place.parent)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
  return Array.isArray(value) ? 'an array' : `an instance of ${value.constructor?.name ?? 'a class'}`
}
