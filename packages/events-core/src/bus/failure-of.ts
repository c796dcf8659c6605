import type { StoredEvent } from '../event.ts'
import type { Failure } from '../storage/dead-letter-store.ts'

const MAX_TEXT = 8_192

/** What is kept of a failed delivery; what a handler throws may be anything, and of any length. */
export function failureOf(
  subscription: string,
  event: StoredEvent,
  error: unknown,
  attempts: number,
): Failure {
  const stack =
    error instanceof Error && typeof error.stack === 'string' ? error.stack.slice(0, MAX_TEXT) : null
  return { subscription, event, error: textOf(error).slice(0, MAX_TEXT), stack, attempts }
}

function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    return 'a value that has no text'
  }
}
