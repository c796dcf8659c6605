import { shown } from '../check-options.ts'

const MAX_LENGTH = 128
const WORD = '[A-Za-z0-9_-]+'
const WORDS = `${WORD}(?:\\.${WORD})*`
const NAME = new RegExp(`^${WORDS}$`)
const PATTERN = new RegExp(`^(?:\\*|${WORDS}(?:\\.\\*)?)$`)

/** Names found to be valid: a lookup costs a third of matching the pattern. */
const seen = new Set<string>()
/** Publishers may invent any number of names. */
const MAX_SEEN = 1_000

/** Returns what is wrong with an event type's name; undefined if it is valid. */
export function typeNameProblem(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MAX_LENGTH && (seen.has(value) || isTypeName(value))
    ? undefined
    : `must be dot-separated words of letters, digits, _ and - (like 'scan.progress'), at most ${MAX_LENGTH} characters, not ${shown(value)}`
}

/** Returns what is wrong with a type pattern; undefined if it is valid. */
export function typePatternProblem(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MAX_LENGTH && PATTERN.test(value)
    ? undefined
    : `must be an event type, 'scan.*' for everything below scan, or '*' for all, not ${shown(value)}`
}

function isTypeName(text: string): boolean {
  if (!NAME.test(text)) return false
  if (seen.size >= MAX_SEEN) seen.clear()
  seen.add(text)
  return true
}
