import fc from 'fast-check'
import { type ApiDescription, type Operation, record } from './api-description.ts'

export interface HostileRequest {
  readonly method: string
  /** Path and query as they go over the wire: one character for each byte. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

/** What an app has that is asked for by these names, so that some requests are fine. */
export interface KnownNames {
  readonly id: string
  readonly name: string
  readonly deadLetter: string
}

const DEEP = 3_000

/** What programs have stumbled over before. */
const HOSTILE_TEXTS = [
  ...[
    '',
    ' ',
    '.',
    '..',
    '../',
    '../../etc/passwd',
    '%2e%2e%2f',
    '%',
    '%zz',
    '%E0%A4%A',
    '%00',
    '%ff',
    '%C3%28',
    '\0',
    '\ud800',
  ],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '\u2028', '\ufeff', '😀', 'İ'],
  ...[
    '*',
    'a.*',
    '%_',
    "'; DROP TABLE events; --",
    '"',
    '\\',
    '[',
    '{"',
    '$ne',
    'a,b',
    ',',
    '#',
    '?',
    ';',
    '//',
  ],
  ...['\r\nx-injected: 1', 'null', 'true', 'NaN', 'Infinity', '1e999', '-0', '-1', '0', '1', '1001', '0x10'],
  ...[
    '9007199254740993',
    '999999999999999',
    '2026-01-31T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    'a',
    'system',
  ],
  ...['x'.repeat(129), 'é'.repeat(600), 'a.'.repeat(2_000)],
]

const text = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ maxLength: 20 }),
)

const NUMBERS = [0, -0, 1, -1, 1.5, 101, 2 ** 31, 2 ** 53, -(2 ** 53), Number.MAX_VALUE, 5e-324, 8.64e15 + 1]

const json = fc.oneof(
  text,
  fc.constantFrom<unknown>(...NUMBERS, null, true, [], {}),
  fc.jsonValue({ maxDepth: 3 }),
)

type Schema = Readonly<Record<string, unknown>>

/** Requests of one operation: as its description has them, nearly so, and far from it. */
export class HostileRequests {
  readonly #api: ApiDescription
  readonly #known: KnownNames

  constructor(api: ApiDescription, known: KnownNames) {
    this.#api = api
    this.#known = known
  }

  of(operation: Operation): fc.Arbitrary<HostileRequest> {
    const parameters = Object.values(record(operation.description.parameters)).map(record)
    return fc
      .record({
        method: rarely(operation.method, fc.constantFrom('PUT', 'PATCH', 'OPTIONS', 'DELETE', 'POST')),
        path: this.#path(this.#api.prefix + operation.path),
        query: this.#query(parameters.filter((one) => one.in === 'query')),
        body: this.#body(record(operation.description.requestBody)),
        headers: headers(),
      })
      .map(({ method, path, query, body, headers: others }) => ({
        method,
        target: path + query,
        headers: { ...body.headers, ...others },
        body: body.bytes,
      }))
  }

  #path(pattern: string): fc.Arbitrary<string> {
    const parts = pattern.split(/(\{\w+\})/).map((part) => {
      if (!part.startsWith('{')) return fc.constant(part)
      const { name, deadLetter, id } = this.#known
      const known = part === '{name}' ? name : pattern.includes('/dead-letters/') ? deadLetter : id
      return fc.oneof(fc.constant(known), fc.constantFrom('1', '2'), text.chain(written))
    })
    const slash = fc.constantFrom('', '', '', '/', '//')
    return fc.tuple(...parts, slash).map((all) => all.join(''))
  }

  #query(parameters: readonly Schema[]): fc.Arbitrary<string> {
    const paths = [
      'data.a',
      'data.a.b',
      'data.__proto__',
      'data[a]',
      'data[a][b]',
      'data[__proto__]',
      'data[a',
      ...['ext.a', 'ext[a]', 'ext.a.b', 'ext.__proto__', 'ext[constructor]', 'ext[', 'ext.A', 'ext.subject'],
    ]
    const names = [...parameters.map(({ name }) => String(name)), ...paths]
    const schemas = new Map(parameters.map(({ name, schema }) => [String(name), record(schema)]))
    const pair = fc
      .oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: text })
      .chain((name) => {
        const value = fc.oneof(this.#value(schemas.get(name) ?? {}).map(asText), text)
        return fc.tuple(written(name), value.chain(written)).map((both) => both.join('='))
      })
    return fc.array(pair, { maxLength: 4 }).map((all) => (all.length === 0 ? '' : `?${all.join('&')}`))
  }

  /** Values as a schema has them; of what it does not say anything about, anything. */
  #value(given: Schema): fc.Arbitrary<unknown> {
    const schema = this.#resolved(given)
    const { anyOf, items, properties } = schema
    if ('const' in schema) return fc.constant(schema.const)
    if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum)
    if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map((one) => this.#value(record(one))))
    if (Array.isArray(schema.examples)) return fc.constantFrom(...schema.examples)
    if (schema.type === 'integer') return fc.integer({ min: 0, max: 100 })
    if (schema.type === 'boolean') return fc.boolean()
    if (items !== undefined) return fc.array(this.#value(record(items)), { maxLength: 3 })
    return properties === undefined ? json : this.#object(record(properties))
  }

  #object(properties: Schema): fc.Arbitrary<unknown> {
    const fields = Object.entries(properties).map(([name, schema]) => [name, this.#value(record(schema))])
    return fc.record(Object.fromEntries(fields), { requiredKeys: [] })
  }

  #resolved(schema: Schema): Schema {
    const [, name] = /^#\/components\/schemas\/(.+)$/.exec(String(schema.$ref)) ?? []
    if (name === undefined) return schema
    return record(record(record(this.#api.document.components).schemas)[name])
  }

  #body(requestBody: Schema): fc.Arbitrary<{
    readonly bytes: Buffer | undefined
    readonly headers: Record<string, string>
  }> {
    const contents = Object.entries(record(requestBody.content))
    const described = contents.map(([type, media]) =>
      bytesOf(type, this.#value(record(record(media).schema))).map((bytes) => bodyOf(bytes, type)),
    )
    const types = [
      'application/json',
      'application/x-ndjson',
      'text/plain',
      'application/json; charset=utf-16',
    ]
    const foreign = fc
      .tuple(rawBytes(), fc.constantFrom(...types, ...contents.map(([type]) => type), 'a/b;;=', ''))
      .map(([bytes, type]) => bodyOf(bytes, type))
    const none = fc.constant({ bytes: undefined, headers: {} })
    return described.length === 0
      ? fc.oneof({ weight: 4, arbitrary: none }, { weight: 1, arbitrary: foreign })
      : fc.oneof({ weight: 4, arbitrary: fc.oneof(...described) }, foreign, none)
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function bodyOf(bytes: Buffer, type: string) {
  return { bytes, headers: type === '' ? {} : { 'content-type': type } }
}

/** A described value as a body, mostly with something in it replaced, or as bytes that are broken. */
function bytesOf(type: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> {
  const isLines = type === 'application/x-ndjson'
  const lines = isLines ? fc.array(value, { maxLength: 3 }) : value.map((one) => [one])
  const texts = fc
    .tuple(lines, fc.option(fc.tuple(fc.nat(), json), { freq: 1 }))
    .map(([all, change]) => all.map((one) => changed(JSON.stringify(one), change)).join('\n'))
  return fc.tuple(texts, rarely(undefined, fc.nat())).map(([whole, cut]) => {
    const bytes = Buffer.from(whole)
    return cut === undefined ? bytes : bytes.subarray(0, cut % (bytes.length + 1))
  })
}

/** The text with one of its values, or names, replaced by another value. */
function changed(jsonText: string, change: readonly [number, unknown] | null): string {
  if (change === null) return jsonText
  const [at, value] = change
  const places = [...jsonText.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|true|false|null|\{\}|\[\]/g)]
  const place = places[at % Math.max(1, places.length)]
  if (place === undefined) return jsonText
  const isName = jsonText[place.index + place[0].length] === ':'
  const written = JSON.stringify(isName ? asText(value) : value)
  return jsonText.slice(0, place.index) + written + jsonText.slice(place.index + place[0].length)
}

function rawBytes(): fc.Arbitrary<Buffer> {
  const event = '"type":"a.b","source":"x"'
  const texts = [
    `{${event},"data":${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}}`,
    `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
    `{${event},"data":{"__proto__":{"polluted":1}}}`,
    `{${event},"__proto__":{"polluted":1}}`,
    `{${event},"data":{"constructor":{"prototype":{"polluted":1}}}}`,
    `{${event},"type":"c","data":{"a":1,"a":2}}`,
    `\ufeff{${event}}`,
    `{${event},"title":"\\ud800"}`,
    `{${event},"title":"\\u0000"}`,
    `{${event},"title":"\0"}`,
    `{${event},"data":{"n":1e999}}`,
    `{${event},"data":{"x":"${'x'.repeat(300_000)}"}}`,
    `[{${event}},null]`,
    `{${event}}\r\n\r\n{${event}}`,
    '1e999',
    'null',
    '"text"',
    ' ',
    '',
  ]
  return fc.oneof(
    fc.constantFrom(...texts).map((one) => Buffer.from(one)),
    fc
      .constantFrom(...texts)
      .map((one) => Buffer.concat([Buffer.from(one.slice(0, 20)), Buffer.from([0xc3, 0x28])])),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  )
}

/** Node's client takes only these characters in a header's value. */
const NO_HEADER_CHARACTERS = /[^\t\x20-\x7e\x80-\xff]/g

function headers(): fc.Arbitrary<Record<string, string>> {
  const attributes = [
    'id',
    'source',
    'type',
    'specversion',
    'time',
    'subject',
    'tags',
    'ttl',
    'data',
    '__proto__',
    ...['dataschema', 'partitionkey', 'constructor', 'A_b', 'data_base64', 'position', 'x'.repeat(300)],
  ]
  const name = fc.constantFrom(
    ...[
      'accept',
      'content-encoding',
      'origin',
      'host',
      'cookie',
      'authorization',
      'range',
      'x-forwarded-for',
    ],
    ...[
      'content-type',
      'if-none-match',
      'user-agent',
      'accept-version',
      ...attributes.map((one) => `ce-${one}`),
    ],
  )
  const known = [
    'gzip',
    'identity',
    '*/*',
    'application/cloudevents+json',
    'application/cloudevents-batch+json',
  ]
  const value = fc
    .oneof(fc.constantFrom(...known, '1.0', 'a.b', 'null', 'http://evil.example', 'bytes=0-1'), text)
    .map((one) => one.replaceAll(NO_HEADER_CHARACTERS, ''))
  const some = fc.array(fc.tuple(name, value), { maxLength: 3 }).map((all) => Object.fromEntries(all))
  return rarely({}, some)
}

/** Mostly the one value. */
function rarely<T>(value: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other })
}

/** A text in a URL: escaped as it should be, or only where Node's parser takes nothing else. */
function written(part: string): fc.Arbitrary<string> {
  const bytes = Buffer.from(part).toString('latin1')
  const raw = bytes.replaceAll(/[^\x21-\x7e]/g, (byte) => `%${Buffer.from(byte, 'latin1').toString('hex')}`)
  return fc.constantFrom(encodeURIComponent(part.toWellFormed()), raw)
}
