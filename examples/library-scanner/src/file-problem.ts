/** The reason why a file or directory could not be read. */
export interface FileProblem {
  readonly path: string
  /** The operating system's code, such as EACCES, or one of `OWN_CODES`. */
  readonly code: string
  readonly message: string
}

/** Faults of a file for which the operating system reports no error. */
const OWN_CODES = {
  CHANGED: 'it was replaced or cut short while it was looked at',
  EILSEQ: 'its name is not valid UTF-8',
  EOVERFLOW: 'its time of modification is not within the years 0 to 9999',
} as const

/** Worded like the errors of Node's file operations. */
export class FileFault extends Error {
  readonly code: keyof typeof OWN_CODES

  constructor(code: keyof typeof OWN_CODES, path: string) {
    super(`${code}: ${OWN_CODES[code]}, '${path}'`)
    this.code = code
  }
}

/**
 * Returns the problem that an error of a file operation describes.
 * @throws the error itself if it has no code: then it is a fault in this program, not in the file
 */
export function problemOf(error: unknown, path: string): FileProblem {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return { path, code: error.code, message: error.message }
  }
  throw error
}
