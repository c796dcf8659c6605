/** The destination of the log, one JSON object per line. */
export interface LogStream {
  write(line: string): void
}

/** Returns a stream that never throws: a log that cannot be written costs its lines, and neither requests nor the server. */
export function neverThrowing(stream: LogStream): LogStream {
  return {
    write(line) {
      try {
        stream.write(line)
      } catch {
        // There is nowhere left to say so.
      }
    },
  }
}
