import { type Issue, invalid } from './errors.ts'

/** Describes what an option's value must be; returns undefined if the value is valid. */
export type OptionRule = (value: unknown) => string | undefined

/**
 * Rejects unknown options and invalid values. An option that is undefined counts as absent.
 * @throws EventsError EVENTS_INVALID that names each invalid option
 */
export function checkOptions(
  subject: string,
  options: object,
  rules: Readonly<Record<string, OptionRule>>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(subject, [{ path: '', message: `must be an object, not ${shown(options)}` }])
  }
  const issues: Issue[] = []
  for (const [name, value] of Object.entries(options)) {
    const problem = problemOf(Object.hasOwn(rules, name) ? rules[name] : undefined, value)
    if (problem !== undefined) issues.push({ path: name, message: problem })
  }
  const [first, ...rest] = issues
  if (first !== undefined) throw invalid(subject, [first, ...rest])
}

function problemOf(rule: OptionRule | undefined, value: unknown): string | undefined {
  if (rule === undefined) return 'is not a known option'
  return value === undefined ? undefined : rule(value)
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionRule {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  return (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? undefined
      : `must be an integer ${range}, not ${shown(value)}`
}

export function oneOf(...values: readonly string[]): OptionRule {
  const list = values.map((value) => `'${value}'`).join(', ')
  return (value) =>
    typeof value === 'string' && values.includes(value)
      ? undefined
      : `must be one of ${list}, not ${shown(value)}`
}

/** Databases store text as UTF-8, which cannot encode half of a surrogate pair: a filter with one would match other strings. */
export function text(max: number): OptionRule {
  return (value) =>
    typeof value === 'string' && value !== '' && value.length <= max && value.isWellFormed()
      ? undefined
      : `must be a string of 1 to ${max} characters, not ${shown(value)}`
}

export function upTo(max: number): OptionRule {
  return (value) =>
    typeof value === 'string' && value.length <= max && value.isWellFormed()
      ? undefined
      : `must be a string of at most ${max} characters, not ${shown(value)}`
}

export function func(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : `must be a function, not ${shown(value)}`
}

export function object(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? undefined : `must be an object, not ${shown(value)}`
}

/** Checks the shape: web pages, jsdom and `node:vm` have their own `AbortSignal` class. */
export function abortSignal(value: unknown): string | undefined {
  const isTarget = hasMethod(value, 'addEventListener') && hasMethod(value, 'removeEventListener')
  const isSignal = isTarget && typeof Reflect.get(Object(value), 'aborted') === 'boolean'
  return isSignal ? undefined : `must be an AbortSignal, not ${shown(value)}`
}

/** Accepts an object that has at least these methods. */
export function methods(...names: readonly string[]): OptionRule {
  return (value) => {
    const missing = names.find((name) => !hasMethod(value, name))
    return missing === undefined
      ? undefined
      : `must be an object with a method ${missing}, not ${shown(value)}`
  }
}

/** An accessor of the object may throw: then the method cannot be called either. */
function hasMethod(value: unknown, name: string): boolean {
  try {
    return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'
  } catch {
    return false
  }
}

/** Formats a value for an error message; a long value, an array or an object is described instead. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return shownText(value)
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}

function shownText(text: string): string {
  if (!text.isWellFormed()) return 'a string with half of a surrogate pair in it'
  // Most likely a database URL.
  if (/:\/\/.*@|password/is.test(text)) return 'a string with a password in it'
  return text.length <= 40 ? `'${text}'` : `a string of ${text.length} characters`
}
