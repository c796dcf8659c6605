/** Replaces an error that cannot be described. */
const NO_TEXT = 'an error that cannot be described'

/** An error as plain strings, for a log. */
export interface ErrorDescription {
  readonly type: string
  readonly message: string
  readonly stack: string | null
}

/**
 * Returns the message of whatever was thrown; getters, proxies and conversions that throw in turn cost only the
 * text. Never throws.
 */
export function errorText(error: unknown): string {
  return read(() => String(error instanceof Error ? error.message : error)) ?? NO_TEXT
}

/** Returns the stack of whatever was thrown; null if there is none. Never throws. */
export function errorStack(error: unknown): string | null {
  const stack: unknown = read(() => (error instanceof Error ? error.stack : undefined))
  return typeof stack === 'string' ? stack : null
}

/** Describes whatever was thrown without keeping any of it. Never throws. */
export function describeError(error: unknown): ErrorDescription {
  const type = read(() => String(error instanceof Error ? error.name : typeof error)) ?? 'unknown'
  return { type, message: errorText(error), stack: errorStack(error) }
}

function read<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
