import type { Issue } from './errors.ts'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/** SQLite's JSON functions and PostgreSQL's default stack both take far more. */
const MAX_DEPTH = 100

/** Thrown inside a copy at the first value that is no JSON, so that the happy path carries no list of issues. */
class NotJson {
  readonly issue: Issue
  constructor(path: string, message: string) {
    this.issue = { path, message }
  }
}

/**
 * A frozen deep copy of a plain JSON object, so that nobody's later change reaches those who read it. A property
 * whose value is undefined counts as absent; whatever else JSON would lose or bend (NaN, Date, BigInt, Map, class
 * instances, cycles) is added to `issues`, with its path below `path`, and the copy is then empty.
 */
export function copyJsonObject(value: unknown, path: string, issues: Issue[]): JsonObject {
  try {
    if (!isPlainObject(value)) throw new NotJson(path, `must be a plain JSON object, not ${kindOf(value)}`)
    return copyObject(value, path, [])
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    issues.push(error.issue)
    return {}
  }
}

function copyValue(value: unknown, path: string, ancestors: object[]): JsonValue {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') return copyNumber(value, path)
  if (typeof value !== 'object') throw new NotJson(path, `must be a JSON value, not ${kindOf(value)}`)
  if (ancestors.includes(value)) throw new NotJson(path, 'must not contain itself: JSON has no cycles')
  if (ancestors.length >= MAX_DEPTH)
    throw new NotJson(path, `must not be nested deeper than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) return copyArray(value, path, ancestors)
  if (isPlainObject(value)) return copyObject(value, path, ancestors)
  throw new NotJson(path, `must be a JSON value, not ${kindOf(value)}`)
}

function copyNumber(value: number, path: string): number {
  if (!Number.isFinite(value)) throw new NotJson(path, `must be a finite number, not ${value}`)
  // JSON has no negative zero; what subscribers see live must equal what is stored.
  return value === 0 ? 0 : value
}

function copyArray(value: readonly unknown[], path: string, ancestors: object[]): JsonValue {
  ancestors.push(value)
  // Not `map`, which would leave holes as holes.
  const copy = Array.from(value, (item, index) => copyValue(item, `${path}.${index}`, ancestors))
  ancestors.pop()
  return Object.freeze(copy)
}

function copyObject(value: Readonly<Record<string, unknown>>, path: string, ancestors: object[]): JsonObject {
  ancestors.push(value)
  const copy: Record<string, JsonValue> = {}
  for (const key of Object.keys(value)) {
    const item = value[key]
    if (item === undefined) continue
    const copied = copyValue(item, `${path}.${key}`, ancestors)
    // Assigning to `__proto__` would set the prototype instead of a property.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: copied, enumerable: true })
    else copy[key] = copied
  }
  ancestors.pop()
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
