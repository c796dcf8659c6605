import type { Readable } from 'node:stream'
import { HttpError } from '../problem.ts'

/**
 * Reads a body chunk by chunk, and leaves the stream open when the reader stops early: the answer goes out on its socket.
 * @throws HttpError HTTP_BODY_TOO_LARGE as soon as there are more bytes; HTTP_CLIENT_GONE when the body breaks off
 */
export async function* bodyChunks(body: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of unlimited(body)) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(`the body is larger than ${maxBytes} bytes; send it in parts`)
    yield chunk
  }
}

export function tooLarge(message: string): HttpError {
  return new HttpError('HTTP_BODY_TOO_LARGE', message)
}

async function* unlimited(body: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk
  } catch (cause) {
    throw new HttpError('HTTP_CLIENT_GONE', 'the body broke off', { cause })
  }
}
