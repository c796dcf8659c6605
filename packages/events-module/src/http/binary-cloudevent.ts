import type { IncomingHttpHeaders } from 'node:http'
import { Type } from '@sinclair/typebox'
import { CloudEventSchema } from './cloudevents.ts'
import { readSource } from './cloudevents-source.ts'
import { invalidRequest } from './problem.ts'

const PREFIX = 'ce-'

/** The headers of binary mode; their values are percent-encoded. */
export const BINARY_HEADERS = Object.fromEntries(
  Object.keys(CloudEventSchema.properties)
    .filter((name) => name !== 'data' && name !== 'datacontenttype')
    .map((name) => [
      `${PREFIX}${name}`,
      Type.String({
        description: `The attribute \`${name}\` of a CloudEvent in binary mode, percent-encoded.`,
      }),
    ]),
)

/**
 * The attributes of a CloudEvent in binary mode: those of its `ce-` headers, and the body as data. Undefined when there
 * is no such header.
 * @throws EventsError EVENTS_INVALID for a header that is not ASCII
 */
export function binaryCloudEvent(
  headers: IncomingHttpHeaders,
  data: unknown,
): Readonly<Record<string, unknown>> | undefined {
  const given = Object.keys(headers).filter((name) => name.startsWith(PREFIX))
  if (given.length === 0) return undefined
  const attributes = given.map((header) => {
    const name = header.slice(PREFIX.length)
    return [name, decoded(name, String(headers[header]))] as const
  })
  // After the body, so that a header of that name is refused and not ignored.
  return { ...(data !== undefined && { data }), ...Object.fromEntries(attributes) }
}

/** Some SDKs send values as they are, so a `%` may not begin an escape, and a source may be escaped only once. */
function decoded(name: string, value: string): string {
  // Node reads headers as Latin-1: whatever else was sent is something else by now.
  if (!/^[ -~]*$/.test(value)) {
    throw invalidRequest([{ path: name, message: 'must be percent-encoded UTF-8 in a header' }])
  }
  const text = decodeEscapes(value)
  return name === 'source' && readSource(text) === undefined ? value : text
}

function decodeEscapes(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
