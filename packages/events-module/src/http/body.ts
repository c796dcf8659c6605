import type { Issue } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import { HttpError, invalidRequest } from './problem.ts'

/**
 * Takes JSON only, whatever parsers the host app has. An empty body counts as none: many clients name a content
 * type with every request.
 *
 * `__proto__` and `constructor.prototype` are refused, as Fastify does by default: they are legal JSON, but one
 * reader that merges them into an object of its own changes what every object of its process is.
 */
export function acceptJson(scope: FastifyInstance, bodyLimit: number): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit },
    async (_request: unknown, body: Buffer) => (body.length === 0 ? undefined : parseJson(body)),
  )
}

/** @throws HttpError HTTP_BAD_JSON; EventsError EVENTS_INVALID for keys that could change prototypes */
export function parseJson(body: Buffer): unknown {
  const value: unknown = parse(body)
  const issue = findPoison(value)
  if (issue !== undefined) throw invalidRequest([issue])
  return value
}

function parse(body: Buffer): unknown {
  try {
    // Strict, because a replacement character would be stored as if the publisher had sent it.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    const why = cause instanceof SyntaxError ? cause.message : 'it is not valid UTF-8'
    throw new HttpError('HTTP_BAD_JSON', `the body is not JSON: ${why}`, { cause })
  }
}

/** Without recursion: how deep the body is nested is the sender's choice. */
function findPoison(body: unknown): Issue | undefined {
  const waiting: { readonly value: unknown; readonly path: string }[] = [{ value: body, path: '' }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue
    for (const [key, value] of Object.entries(next.value)) {
      const path = next.path === '' ? key : `${next.path}.${key}`
      if (isPoison(key, value))
        return { path, message: 'is refused: it could change the prototype of objects' }
      if (typeof value === 'object') waiting.push({ value, path })
    }
  }
  return undefined
}

function isPoison(key: string, value: unknown): boolean {
  if (key === '__proto__') return true
  return (
    key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
  )
}
