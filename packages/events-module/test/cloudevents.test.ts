import {
  CLOUD_EVENT_ATTRIBUTES,
  createEventBus,
  type EventInput,
  type PublishedEvent,
} from '@viewra/events-core'
import { CloudEvent as SdkEvent } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { binaryCloudEvent } from '../src/http/cloudevents/binary.ts'
import { fromCloudEvent, toCloudEvent } from '../src/http/cloudevents/cloudevent.ts'

const TAKEN: ReadonlySet<string> = new Set([
  ...Object.values(CLOUD_EVENT_ATTRIBUTES),
  ...['specversion', 'datacontenttype', 'dataschema'],
  // The SDK has these of an older version.
  ...['schemaurl', 'datacontentencoding'],
])

const text = (maxLength: number) => fc.string({ unit: 'grapheme', minLength: 1, maxLength })
const uriLike = fc
  .array(fc.constantFrom(':', '/', '//', '?', '#', '[', ']', '@', '%', '%2F', '%41', 'a', '1', ' ', 'é'), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(''))

/** Names that no field of an event has in a CloudEvent. */
const extensionName = fc
  .oneof(fc.stringMatching(/^[a-z0-9]{1,20}$/), fc.constantFrom('constructor', 'valueof', '0', 'extensions'))
  .filter((name) => !TAKEN.has(name))
const extensionValue = fc.oneof(text(20), fc.constant(''), fc.boolean(), fc.integer())
const extensions = fc
  .tuple(
    fc.dictionary(extensionName, extensionValue, { minKeys: 1, noNullPrototype: true }),
    fc.option(fc.webUrl({ withQueryParameters: true }), { nil: undefined }),
  )
  .map(([others, dataschema]) => ({ ...others, ...(dataschema && { dataschema }) }))

const event: fc.Arbitrary<PublishedEvent> = fc.record(
  {
    id: text(20),
    type: fc.constantFrom('a', 'scan.progress'),
    source: fc.oneof(uriLike, text(20), fc.webUrl().map(decodeURI)),
    target: fc.oneof(fc.constant(''), text(20)),
    title: fc.oneof(fc.constant(''), text(20)),
    message: fc.oneof(fc.constant(''), text(20)),
    data: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(1, 'x', null, true)),
    priority: fc.integer({ min: 0, max: 100 }),
    tags: fc.array(fc.oneof(text(5), fc.constantFrom(',', '\\', '\\,', '%2C', '\n', ' a')), { maxLength: 4 }),
    timestamp: fc.constant('2030-01-31T12:00:00.000Z'),
    ttl: fc.integer({ min: 1, max: 3_000_000_000_000 }),
    correlation_id: text(20),
    causation_id: text(20),
    traceparent: fc.constant('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
    extensions,
  },
  {
    requiredKeys: [
      'id',
      'type',
      'source',
      'target',
      'title',
      'message',
      'data',
      'priority',
      'tags',
      'timestamp',
    ],
  },
)

/** What a publisher leaves out is the same as its default. */
function withDefaults(input: EventInput): object {
  return { target: '', title: '', message: '', tags: [], ...input }
}

const MINIMAL = { specversion: '1.0', id: 'i', source: 'plugin:a', type: 'a' }

describe('an event and its CloudEvent', () => {
  test('are made of each other without loss', () => {
    fc.assert(
      fc.property(event, (given) => {
        expect(withDefaults(fromCloudEvent({ ...toCloudEvent(given) }))).toEqual(given)
      }),
      { numRuns: 1_000 },
    )
  })

  test('are made of each other over headers, which have no types', () => {
    fc.assert(
      fc.property(event, (given) => {
        const { data, ...attributes } = toCloudEvent(given)
        const headers = Object.entries(attributes).map(([name, value]) => [
          `ce-${name}`,
          encodeURIComponent(String(value)),
        ])
        const sent = { headers: Object.fromEntries(headers), rawHeaders: headers.flat() }
        const texts = Object.entries(given.extensions ?? {}).map(([name, value]) => [name, String(value)])
        const expected = { ...given, ...(texts.length > 0 && { extensions: Object.fromEntries(texts) }) }
        expect(withDefaults(fromCloudEvent(binaryCloudEvent(sent, data)))).toEqual(expected)
      }),
      { numRuns: 1_000 },
    )
  })

  test('extensions of the event are attributes', async () => {
    const bus = createEventBus()
    await bus.start()
    onTestFinished(async () => void (await bus.stop()))
    const extensions = { partitionkey: 'p', dataschema: 'urn:x', sampled: true, sequence: 7 }
    const { id } = await bus.publish({ type: 'com.github.pull-request.Opened', source: 'x', extensions })
    const stored = await bus.get(id)
    if (stored === undefined) throw new Error('the event was not stored')
    expect(toCloudEvent(stored)).toMatchObject({ ...extensions, id, type: stored.type, source: 'x' })
  })

  test('satisfy the official SDK', () => {
    fc.assert(
      fc.property(event, (given) => {
        const sent = { ...toCloudEvent({ ...given, position: 2 ** 40, recorded_at: given.timestamp }) }
        expect(JSON.parse(JSON.stringify(new SdkEvent(sent)))).toEqual(sent)
      }),
    )
  })

  test.each([
    'plugin:a',
    'https://example.com/a%20b?q=%C3%A9#top',
    '/cloudevents/spec/pull/123',
    'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
    'mailto:a@b.example',
    'http://[::1]:8080/x',
    '1-555-123-4567',
  ])('a source that is a URI reference comes back: %s', (source) => {
    const { data, ...input } = { data: {}, ...fromCloudEvent({ ...MINIMAL, source }) }
    const back = toCloudEvent({
      ...input,
      data,
      id: 'i',
      target: '',
      title: '',
      message: '',
      priority: 5,
      tags: [],
      timestamp: '2030-01-31T12:00:00.000Z',
    })
    expect(back.source).toBe(source)
  })

  test('numbers may be texts, as in headers, and null is absence', () => {
    expect(fromCloudEvent({ ...MINIMAL, priority: '7', ttl: 5, subject: null })).toEqual({
      id: 'i',
      source: 'plugin:a',
      type: 'a',
      priority: 7,
      ttl: 5,
    })
  })
})

describe('what an event could not keep is refused by its name', () => {
  test.each([
    ['specversion', '0.3'],
    ['specversion', 1],
    ['partitionkey', ['x']],
    ['dataschema', { type: 'object' }],
    ['data_base64', 'AAAA'],
    ['datacontenttype', 'text/xml'],
    ['data', 'text'],
    ['data', [1]],
    ['position', '7'],
    ['recordedtime', '2030-01-31T12:00:00Z'],
    ['priority', '1.5'],
    ['ttl', true],
    ['time', 5],
    ['tags', 'a\\b'],
    ['tags', 'a,,b'],
    ['tags', 'a,'],
    ['source', '%zz'],
    ['source', 'a b'],
    ['source', 'a%2Fb'],
    ['id', undefined],
  ])('%s %j', (name, value) => {
    expect(() => fromCloudEvent({ ...MINIMAL, [name]: value })).toThrow(
      expect.objectContaining({
        code: 'EVENTS_INVALID',
        issues: [expect.objectContaining({ path: name })],
      }),
    )
  })

  test.each(['specversion', 'id', 'source', 'type'])('a missing %s', (name) => {
    expect(() => fromCloudEvent({ ...MINIMAL, [name]: null })).toThrow(`${name} is missing`)
  })
})
