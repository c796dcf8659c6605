import { type Issue, invalid } from './errors.ts'

/** Says what an option's value must be, or nothing when it is fine. */
export type OptionRule = (value: unknown) => string | undefined

/**
 * Refuses unknown options and wrong values. An option that is undefined counts as not given.
 * @throws EventsError EVENTS_INVALID that names each wrong option
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

/** Databases keep text as UTF-8, which has nothing for half of a surrogate pair: in a filter, other texts would meet it. */
export function text(max: number): OptionRule {
  return (value) =>
    typeof value === 'string' && value !== '' && value.length <= max && value.isWellFormed()
      ? undefined
      : `must be a text of 1 to ${max} characters, not ${shown(value)}`
}

export function upTo(max: number): OptionRule {
  return (value) =>
    typeof value === 'string' && value.length <= max && value.isWellFormed()
      ? undefined
      : `must be a text of at most ${max} characters, not ${shown(value)}`
}

export function func(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : `must be a function, not ${shown(value)}`
}

export function object(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? undefined : `must be an object, not ${shown(value)}`
}

/** By shape: the classes of pages, of jsdom and of `node:vm` are others than those of this realm. */
export function abortSignal(value: unknown): string | undefined {
  const isTarget = hasMethod(value, 'addEventListener') && hasMethod(value, 'removeEventListener')
  const isSignal = isTarget && typeof Reflect.get(Object(value), 'aborted') === 'boolean'
  return isSignal ? undefined : `must be an AbortSignal, not ${shown(value)}`
}

/** An object that has at least these methods. */
export function methods(...names: readonly string[]): OptionRule {
  return (value) => {
    const missing = names.find((name) => !hasMethod(value, name))
    return missing === undefined
      ? undefined
      : `must be an object with a method ${missing}, not ${shown(value)}`
  }
}

function hasMethod(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'
}

/** A value as an error message shows it: its type when it is long or no scalar. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return shownText(value)
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}

function shownText(text: string): string {
  if (!text.isWellFormed()) return 'a text with half of a surrogate pair in it'
  // Most likely the address of a database.
  if (/:\/\/.*@|password/is.test(text)) return 'a text with a password in it'
  return text.length <= 40 ? `'${text}'` : `a text of ${text.length} characters`
}
