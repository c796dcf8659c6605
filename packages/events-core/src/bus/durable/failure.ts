import { errorStack, errorText } from '../../describe-error.ts'
import type { StoredEvent } from '../../event/event.ts'
import type { Failure } from '../../storage/contract/dead-letters.ts'

const MAX_TEXT = 8_192

/** Describes a failed delivery; a handler may throw anything, of any length. */
export function failureOf(
  subscription: string,
  event: StoredEvent,
  error: unknown,
  attempts: number,
): Failure {
  const stack = errorStack(error)?.slice(0, MAX_TEXT) ?? null
  return { subscription, event, error: errorText(error).slice(0, MAX_TEXT), stack, attempts }
}
