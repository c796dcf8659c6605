import type { Readable } from 'node:stream'
import { HttpError } from './problem.ts'

const NEWLINE = 0x0a

interface NdjsonLimits {
  readonly maxBytes: number
  readonly maxValues: number
}

/**
 * The values of newline-delimited JSON, each parsed as soon as its line is there. Blank lines are skipped, lines may end
 * in CRLF, and the last one needs no end.
 * @param parse makes a value of a line's bytes; its second argument is the value's index
 * @throws HttpError HTTP_BODY_TOO_LARGE as soon as a limit is passed; HTTP_CLIENT_GONE when the body breaks off
 */
export async function readNdjson(
  body: Readable,
  limits: NdjsonLimits,
  parse: (line: Buffer, index: number) => unknown,
): Promise<readonly unknown[]> {
  const values: unknown[] = []
  for await (const line of linesOf(body, limits.maxBytes)) {
    if (isBlank(line)) continue
    if (values.length === limits.maxValues) {
      throw new HttpError('HTTP_BODY_TOO_LARGE', `send at most ${limits.maxValues} events at once`)
    }
    values.push(parse(line, values.length))
  }
  return values
}

async function* linesOf(body: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let started: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunksOf(body)) {
    bytes += chunk.length
    if (bytes > maxBytes)
      throw new HttpError(
        'HTTP_BODY_TOO_LARGE',
        `the body is larger than ${maxBytes} bytes; send it in parts`,
      )
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      yield Buffer.concat([...started, chunk.subarray(from, end)])
      started = []
      from = end + 1
    }
    if (from < chunk.length) started.push(chunk.subarray(from))
  }
  yield Buffer.concat(started)
}

/** Leaves the stream open when the reader stops early: the answer goes out on its socket. */
async function* chunksOf(body: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield Buffer.from(chunk)
  } catch (cause) {
    throw new HttpError('HTTP_CLIENT_GONE', 'the body broke off', { cause })
  }
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)
}
