/** A permanent fault in a file: reading it again would change nothing. */
const FAULTS = {
  GONE: 'it is no longer there',
  NOT_A_FILE: 'it is no longer a regular file',
  CORRUPT: 'it is damaged, or is not what its name says',
  TOO_LARGE: 'its tags do not fit into an event',
} as const

/** Published as a warning. Any other failure may be temporary, and is retried. */
export class MediaFault extends Error {
  override readonly name = 'MediaFault'
  readonly code: keyof typeof FAULTS
  /** The message of its cause, if it has one. */
  readonly reason: string

  constructor(code: keyof typeof FAULTS, path: string, cause?: unknown) {
    super(`${FAULTS[code]}: ${path}`, { cause })
    this.code = code
    this.reason = cause instanceof Error ? cause.message : FAULTS[code]
  }
}
