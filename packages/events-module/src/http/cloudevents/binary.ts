import type { IncomingMessage } from 'node:http'
import { Type } from '@sinclair/typebox'
import { invalidRequest } from '../problem.ts'
import { CloudEventSchema } from './cloudevent.ts'
import { isUriReference, readSource } from './source.ts'

const PREFIX = 'ce-'

/** The headers of binary mode but those of extensions, which may have any name; their values are percent-encoded. */
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

type Headers = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

/** Returns whether a request has attributes of a CloudEvent in its headers. */
export function isBinaryCloudEvent({ headers }: Headers): boolean {
  return Object.keys(headers).some((name) => name.startsWith(PREFIX))
}

/**
 * Returns the attributes of a CloudEvent in binary mode: those of its `ce-` headers, and the body as data.
 * @throws EventsError EVENTS_INVALID for a header that came twice, is not ASCII, or whose escapes are not UTF-8
 */
export function binaryCloudEvent(
  { headers, rawHeaders }: Headers,
  data: unknown,
): Readonly<Record<string, unknown>> {
  const given = Object.keys(headers).filter((name) => name.startsWith(PREFIX))
  const twice = given.filter((name) => isRepeated(name, rawHeaders))
  const [first, ...others] = twice.map((name) => ({ path: name.slice(PREFIX.length), message: ONCE }))
  if (first !== undefined) throw invalidRequest([first, ...others])
  const attributes = given.map((header) => {
    const name = header.slice(PREFIX.length)
    return [name, decoded(name, String(headers[header]))] as const
  })
  // After the body, so that a header of that name is refused and not ignored.
  return { ...(data !== undefined && { data }), ...Object.fromEntries(attributes) }
}

const ONCE = 'must be given in one header'

/** Node joins the values of such a header with a comma, which makes a value that nobody sent. */
function isRepeated(name: string, rawHeaders: readonly string[]): boolean {
  // Names and values by turns.
  const isName = (header: string, index: number) => index % 2 === 0 && header.toLowerCase() === name
  return rawHeaders.filter(isName).length > 1
}

/** Some SDKs send values as they are, so a `%` may not begin an escape, and a URI may be escaped only once. */
function decoded(name: string, header: string): string {
  // Node reads headers as Latin-1: whatever else was sent is something else by now.
  if (!/^[ -~]*$/.test(header)) throw notUtf8(name)
  const value = unquoted(header)
  const text = value.replaceAll(ESCAPES, (escapes) => decodeEscapes(name, escapes))
  return IS_URI.get(name)?.(text) === false ? value : text
}

/** How the attributes that are URIs tell that they are: one that is none once it is decoded was not encoded. */
const IS_URI: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['source', (text) => readSource(text) !== undefined],
  ['dataschema', isUriReference],
])

const ESCAPES = /(?:%[\dA-Fa-f]{2})+/g
const QUOTED = /^"(?:[^"\\]|\\.)*"$/

/** Before version 1.0.1 of the specification senders put values with spaces or quotes in them in quotes. */
function unquoted(header: string): string {
  return QUOTED.test(header) ? header.slice(1, -1).replaceAll(/\\(.)/g, '$1') : header
}

function decodeEscapes(name: string, escapes: string): string {
  try {
    return decodeURIComponent(escapes)
  } catch {
    throw notUtf8(name)
  }
}

function notUtf8(name: string): Error {
  return invalidRequest([{ path: name, message: 'must be percent-encoded UTF-8 in a header' }])
}
