import type { Issue } from './errors.ts'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/** SQLite's JSON functions and PostgreSQL's default stack both take far more. */
const MAX_DEPTH = 100

/** Thrown inside a copy at the first value that is no JSON, so that the happy path carries no list of issues. */
class NotJson {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** Where a copy is: the objects that it is inside of, and of each the key that it is at. */
class Place {
  readonly ancestors: object[] = []
  readonly #keys: (string | number)[] = []

  enter(object: object): void {
    this.ancestors.push(object)
  }

  leave(): void {
    this.ancestors.pop()
  }

  /** Costs no more than a store: only a message needs the path as a text. */
  at(key: string | number): void {
    this.#keys[this.ancestors.length - 1] = key
  }

  pathBelow(path: string): string {
    return [path, ...this.#keys.slice(0, this.ancestors.length)].join('.')
  }
}

/**
 * A frozen deep copy of a plain JSON object, so that nobody's later change reaches those who read it. A property
 * whose value is undefined counts as absent; whatever else JSON would lose or bend (NaN, Date, BigInt, Map, class
 * instances, cycles) is added to `issues`, with its path below `path`, and the copy is then empty.
 */
export function copyJsonObject(value: unknown, path: string, issues: Issue[]): JsonObject {
  const place = new Place()
  try {
    if (!isPlainObject(value)) throw new NotJson(`must be a plain JSON object, not ${kindOf(value)}`)
    return copyObject(value, place)
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    issues.push({ path: place.pathBelow(path), message: error.message })
    return {}
  }
}

/** No less than the bytes of the value as JSON in UTF-8, and found without writing it. */
export function jsonBytesAtMost(value: JsonValue): number {
  // A character takes six bytes when it is escaped; so does half of a pair.
  if (typeof value === 'string') return 6 * value.length + 2
  if (typeof value !== 'object' || value === null) return LONGEST_SCALAR
  let bytes = 2
  if (isArray(value)) for (const item of value) bytes += jsonBytesAtMost(item) + 1
  else for (const key of Object.keys(value)) bytes += 6 * key.length + 4 + jsonBytesAtMost(value[key] ?? null)
  return bytes
}

/** As long as `-1.2345678901234567e-300` and more. */
const LONGEST_SCALAR = 25

// Unlike Array.isArray, this narrows a readonly array too.
function isArray(value: object): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function copyValue(value: unknown, place: Place): JsonValue {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') return copyNumber(value)
  if (typeof value !== 'object') throw new NotJson(`must be a JSON value, not ${kindOf(value)}`)
  if (place.ancestors.includes(value)) throw new NotJson('must not contain itself: JSON has no cycles')
  if (place.ancestors.length >= MAX_DEPTH)
    throw new NotJson(`must not be nested deeper than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) return copyArray(value, place)
  if (isPlainObject(value)) return copyObject(value, place)
  throw new NotJson(`must be a JSON value, not ${kindOf(value)}`)
}

function copyNumber(value: number): number {
  if (!Number.isFinite(value)) throw new NotJson(`must be a finite number, not ${value}`)
  // JSON has no negative zero; what subscribers see live must equal what is stored.
  return value === 0 ? 0 : value
}

function copyArray(value: readonly unknown[], place: Place): JsonValue {
  place.enter(value)
  // Not `map`, which would leave holes as holes.
  const copy = Array.from(value, (item, index) => {
    place.at(index)
    return copyValue(item, place)
  })
  place.leave()
  return Object.freeze(copy)
}

function copyObject(value: Readonly<Record<string, unknown>>, place: Place): JsonObject {
  place.enter(value)
  const copy: Record<string, JsonValue> = {}
  for (const key of Object.keys(value)) {
    const item = value[key]
    if (item === undefined) continue
    place.at(key)
    const copied = copyValue(item, place)
    // Assigning to `__proto__` would set the prototype instead of a property.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: copied, enumerable: true })
    else copy[key] = copied
  }
  place.leave()
  return Object.freeze(copy)
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
