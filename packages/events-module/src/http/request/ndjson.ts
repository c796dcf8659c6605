import type { Readable } from 'node:stream'
import { type BatchLimits, BatchValues, type ParseValue } from './batch-values.ts'
import { bodyChunks, tooLarge } from './body-chunks.ts'

const NEWLINE = 0x0a
/** Blank lines may be as many as values: more are no way to write a batch, and each costs a look. */
const LINES_PER_VALUE = 2

/**
 * Returns the values of newline-delimited JSON. Skips blank lines; lines may end in CRLF, and the last one needs no end.
 * @throws HttpError HTTP_BODY_TOO_LARGE as soon as a limit is passed; HTTP_CLIENT_GONE when the body breaks off
 */
export async function readNdjson(
  body: Readable,
  limits: BatchLimits & { readonly maxBytes: number },
  parse: ParseValue,
): Promise<readonly unknown[]> {
  const values = new BatchValues(limits, parse)
  const maxLines = limits.maxValues * LINES_PER_VALUE
  let lines = 0
  for await (const chunk of bodyChunks(body, limits.maxBytes)) {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      if (++lines > maxLines) throw tooLarge(`send at most ${maxLines} lines at once, blank ones included`)
      values.add(chunk.subarray(from, end))
      values.finish()
      from = end + 1
    }
    values.add(chunk.subarray(from))
  }
  values.finish()
  return values.all
}
