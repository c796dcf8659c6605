import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { TSchema } from '@sinclair/typebox'
import { type Issue, isEventsError } from '@viewra/events-core'
import type { FastifyInstance, FastifyRequest, RequestPayload, RouteOptions } from 'fastify'
import { HttpError, invalidRequest } from '../problem.ts'
import { bodyChunks } from './body-chunks.ts'
import { ByteCollector } from './byte-collector.ts'
import { readJsonArray } from './json-array.ts'
import { findLossyNumber } from './lossy-number.ts'
import { readNdjson } from './ndjson.ts'
import { isNestedTooDeep, MAX_NESTING } from './nesting.ts'

/** Most events of one request. */
export const MAX_BATCH_EVENTS = 10_000

const JSON_TYPE = 'application/json'
const JSON_TYPES: readonly string[] = [
  JSON_TYPE,
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
]
const NDJSON = 'application/x-ndjson'

/** Methods whose bodies Fastify does not read. */
const BODYLESS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The media types other than JSON that the route accepts, each with the schema of its body. */
    bodies?: Readonly<Record<string, TSchema>>
    /** Whether the body may be the data of a CloudEvent whose attributes are in headers. */
    binaryCloudEvent?: boolean
  }
}

/**
 * Takes JSON in UTF-8, and on routes that name more in their `bodies` those too, whatever parsers the host app has. An
 * empty body counts as none, whatever its content type: many clients name one with every request, such as
 * `curl --data ''` that of a form.
 *
 * `__proto__` and `constructor.prototype` are refused, as Fastify does by default: they are legal JSON, but one
 * reader that merges them into an object of its own changes what every object of its process is.
 */
export function acceptBodies(scope: FastifyInstance, bodyLimit: number): void {
  scope.removeAllContentTypeParsers()
  const limitsOf = ({ routeOptions }: FastifyRequest) => {
    const maxBytes = routeOptions.bodyLimit ?? bodyLimit
    return { maxBytes, maxValueBytes: Math.min(maxBytes, bodyLimit), maxValues: MAX_BATCH_EVENTS }
  }
  scope.addContentTypeParser([...JSON_TYPES], async (request: FastifyRequest, body: IncomingMessage) => {
    // Other routes have the limit of Fastify's own, which is not ours.
    if (!mediaTypesOf(request.routeOptions).includes(NDJSON))
      return readJson(body, bodyLimit, placeOf(request))
    return readJsonArray(body, limitsOf(request), parseItem, (json) => parseJson(json, ''))
  })
  scope.addContentTypeParser(NDJSON, async (request: FastifyRequest, body: IncomingMessage) => {
    const values = await readNdjson(body, limitsOf(request), parseItem)
    return values.length === 0 ? undefined : values
  })
  // Gets nothing but empty bodies: any other is refused before.
  scope.addContentTypeParser('*', (_request, _body, done) => done(null, undefined))
  scope.addHook('preParsing', (request, _reply, payload, done) => {
    const refusal = refusalOf(request)
    if (refusal === undefined) done(null, payload)
    else if (request.headers['content-length'] !== undefined) throw refusal
    // In chunks: only its end tells that it is empty.
    else void requireEmpty(payload, refusal).then(() => done(null, Readable.from([])), done)
  })
}

/** @throws the refusal as soon as a byte comes */
async function requireEmpty(payload: RequestPayload, refusal: Error): Promise<void> {
  const body = new Readable().wrap(payload)
  for await (const chunk of body.iterator({ destroyOnReturn: false })) if (chunk.length > 0) throw refusal
}

async function readJson(body: IncomingMessage, maxBytes: number, at: string): Promise<unknown> {
  const bytes = new ByteCollector()
  for await (const chunk of bodyChunks(body, maxBytes)) bytes.add(chunk)
  return bytes.length === 0 ? undefined : parseJson(bytes.take(), at)
}

function parseItem(json: Buffer, index: number): unknown {
  return parseJson(json, String(index))
}

/** The media type that the request says its body has, without parameters. */
export function mediaTypeOf(request: FastifyRequest): string {
  const type = request.headers['content-type'] ?? ''
  return type === JSON_TYPE ? type : type.split(';', 1).join().trim().toLowerCase()
}

/**
 * Says why the request's body is not taken, unless it is empty: HTTP_UNSUPPORTED_MEDIA_TYPE with what to send instead, or
 * EVENTS_INVALID for the body of a GET, which would be ignored: whoever sends a condition there must not be answered
 * without it.
 */
function refusalOf(request: FastifyRequest): Error | undefined {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = request.headers
  if (request.headers['transfer-encoding'] === undefined && (length ?? '0') === '0') return undefined
  if (BODYLESS.has(request.method))
    return invalidRequest([{ path: 'body', message: `must be empty: ${request.method} takes none` }])
  if (encoding.toLowerCase() !== 'identity')
    return unsupported(`the body is encoded as ${encoding}: send it as it is, without a content-encoding`, {
      'accept-encoding': 'identity',
    })
  const type = mediaTypeOf(request)
  if (type === JSON_TYPE && request.headers['content-type'] === type) return undefined
  const types = mediaTypesOf(request.routeOptions)
  if (!types.includes(type)) return unsupported(`send the body as ${types.join(', or as ')}`)
  const charset = charsetOf(request)
  if (UTF8.has(charset)) return undefined
  return unsupported(`the body is in ${charset}: send it in UTF-8, as all JSON is`)
}

function unsupported(message: string, headers: Record<string, string> = {}): HttpError {
  return new HttpError('HTTP_UNSUPPORTED_MEDIA_TYPE', message, { headers })
}

/** ASCII is UTF-8, too. */
const UTF8: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

/** The charset that the content type names, in lower case; UTF-8 when it names none. */
function charsetOf({ headers }: FastifyRequest): string {
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headers['content-type'] ?? '') ?? []
  return charset.toLowerCase()
}

function mediaTypesOf({ config }: Pick<RouteOptions, 'config'>): readonly string[] {
  return [JSON_TYPE, ...Object.keys(config?.bodies ?? {})]
}

/**
 * @param at the path of the value in the body, for messages
 * @throws HttpError HTTP_BAD_JSON; EventsError EVENTS_INVALID for numbers that would not be kept as they are written, and
 *   for keys that could change prototypes
 */
export function parseJson(json: Buffer, at: string): unknown {
  const { text, value } = parse(json, at)
  const issue = findLossyNumber(text, at) ?? (MAY_BE_POISON.test(text) ? findPoison(value, at) : undefined)
  if (issue !== undefined) throw invalidRequest([issue])
  return value
}

/** The body of a CloudEvent in binary mode is its data. */
const BINARY_DATA = 'data'

function placeOf({ headers, routeOptions }: FastifyRequest): string {
  const isBinary = headers['ce-specversion'] !== undefined && routeOptions.config.binaryCloudEvent === true
  return isBinary ? BINARY_DATA : ''
}

/** Strict, because a replacement character would be stored as if the publisher had sent it. */
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A text without a match has no key that is poison: only an escape of this kind could hide one. */
const MAY_BE_POISON = /__proto__|constructor|\\u/

function parse(json: Buffer, at: string): { readonly text: string; readonly value: unknown } {
  try {
    const text = utf8.decode(json)
    if (isNestedTooDeep(text))
      throw invalidRequest([{ path: at, message: `must be nested at most ${MAX_NESTING} levels deep` }])
    return { text, value: JSON.parse(text) }
  } catch (cause) {
    if (isEventsError(cause)) throw cause
    const why = cause instanceof SyntaxError ? cause.message : 'it is not valid UTF-8'
    const subject = at === '' || at === BINARY_DATA ? 'the body' : `event ${at}`
    const message = `${subject} is not JSON: ${why}`
    const issues = at === '' ? [] : [{ path: at, message: `is not JSON: ${why}` }]
    throw new HttpError('HTTP_BAD_JSON', message, { cause, issues })
  }
}

/** Finds such a key without recursion, because the sender chooses how deep the body is nested. */
function findPoison(body: unknown, at: string): Issue | undefined {
  const waiting: { readonly value: unknown; readonly path: string }[] = [{ value: body, path: at }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue
    for (const [key, value] of Object.entries(next.value)) {
      if (typeof value !== 'object' && key !== '__proto__') continue
      const path = next.path === '' ? key : `${next.path}.${key}`
      if (isPoison(key, value))
        return { path, message: 'is refused: it could change the prototype of objects' }
      waiting.push({ value, path })
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
