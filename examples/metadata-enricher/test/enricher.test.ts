import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEventBus, type EventBus, type EventInput } from '@viewra/events-core'
import { expect, onTestFinished, test } from 'vitest'
import { Enricher, type EnricherOptions, SUBSCRIPTION } from '../src/enricher.ts'
import type { MediaTags } from '../src/media-tags.ts'
import { FORMATS } from './media-files.ts'
import { PATIENT } from './patience.ts'
import { temporaryDirectory } from './temporary-directory.ts'

async function startedBus(): Promise<EventBus> {
  const bus = createEventBus()
  await bus.start()
  onTestFinished(async () => void (await bus.stop({ timeoutMs: 100 })))
  return bus
}

async function startedEnricher(options: EnricherOptions): Promise<Enricher> {
  const enricher = new Enricher(options)
  await enricher.start()
  return enricher
}

function found(path: string, mimeType = 'audio/mpeg', id = 'found'): EventInput<'media.file.found'> {
  return {
    id,
    type: 'media.file.found',
    source: 'plugin:library-scanner',
    correlation_id: 'scan',
    data: {
      path,
      library_id: 1,
      size: 1,
      hash: 'x',
      mime_type: mimeType,
      mod_time: '2026-01-01T00:00:00.000Z',
    },
  }
}

/** Returns all events except `media.file.found`. */
async function answers(bus: EventBus) {
  const filter = { types: ['media.metadata.enriched', 'warning'] }
  return (await bus.list({ filter, limit: 1_000, order: 'asc' })).events
}

/** Creates a bus, and a file that was found on it. */
async function foundFile(name: string, content: Uint8Array, mimeType?: string) {
  const directory = await temporaryDirectory()
  onTestFinished(() => directory.remove())
  const path = join(directory.path, name)
  writeFileSync(path, content)
  const bus = await startedBus()
  await bus.publish(found(path, mimeType))
  return { bus, path }
}

test('publishes the tags of a file that was found before it started', async () => {
  const { bus } = await foundFile('a.mp3', FORMATS.mp3({ title: 'Für Élise', artist: 'Beethoven' }))
  await startedEnricher({ bus })
  await expect.poll(() => answers(bus), PATIENT).toHaveLength(1)
  expect(await answers(bus)).toMatchObject([
    {
      type: 'media.metadata.enriched',
      source: 'plugin:metadata-enricher',
      causation_id: 'found',
      correlation_id: 'scan',
      data: { title: 'Für Élise', source: 'file tags', metadata: { artist: 'Beethoven', container: 'MPEG' } },
    },
  ])
})

test('uses the file name for a file without a title', async () => {
  const { bus } = await foundFile('Track 01.flac', FORMATS.flac({}), 'audio/flac')
  await startedEnricher({ bus })
  await expect
    .poll(() => answers(bus), PATIENT)
    .toMatchObject([{ data: { title: 'Track 01', source: 'file name', metadata: { container: 'FLAC' } } }])
})

test('gives a file the same media id in every scan, and every other file a different one', async () => {
  const bus = await startedBus()
  await startedEnricher({ bus, readTags: async () => ({ metadata: {} }) })
  await bus.publish(found('/a.mp3', 'audio/mpeg', '1'))
  await bus.publish(found('/b.mp3', 'audio/mpeg', '2'))
  await bus.publish(found('/a.mp3', 'audio/mpeg', '3'))
  await expect.poll(() => answers(bus), PATIENT).toHaveLength(3)
  const [a, b, again] = (await answers(bus)).map(({ data }) => data.media_id)
  expect(again).toBe(a)
  expect(b).not.toBe(a)
})

test('skips files that are neither audio nor video', async () => {
  const bus = await startedBus()
  const enricher = await startedEnricher({ bus, readTags: async () => ({ metadata: {} }) })
  await bus.publish(found('/cover.jpg', 'image/jpeg', '1'))
  await bus.publish(found('/film.mkv', 'video/matroska', '2'))
  await expect.poll(() => enricher.tally, PATIENT).toMatchObject({ skipped: 1, enriched: 1 })
  expect(await answers(bus)).toMatchObject([{ causation_id: '2' }])
})

test.each([
  ['a damaged file', 'CORRUPT', Buffer.from('la la la')],
  ['a file with more tags than an event can hold', 'TOO_LARGE', FORMATS.mp3({ artist: 'x'.repeat(300_000) })],
])('warns about %s and continues', async (_, code, content) => {
  const { bus, path } = await foundFile('a.mp3', content)
  await bus.publish(found('/missing.mp3', 'audio/mpeg', 'next'))
  const enricher = await startedEnricher({ bus, concurrency: 1 })
  await expect.poll(() => enricher.tally, PATIENT).toMatchObject({ warnings: 2, failures: 0 })
  const common = { type: 'warning', source: 'plugin:metadata-enricher', title: 'Not enriched' }
  expect(await answers(bus)).toMatchObject([
    { ...common, causation_id: 'found', correlation_id: 'scan', data: { code, details: { path } } },
    { ...common, causation_id: 'next', data: { code: 'GONE', details: { path: '/missing.mp3' } } },
  ])
})

test('stores one answer, however often an event is handled', async () => {
  const { bus } = await foundFile('a.mp3', FORMATS.mp3({ title: 'One' }))
  await bus.publish(found('/missing.mp3', 'audio/mpeg', 'next'))
  const enricher = await startedEnricher({ bus })
  await expect.poll(() => enricher.tally, PATIENT).toMatchObject({ enriched: 1, warnings: 1 })
  await bus.durable.reset(SUBSCRIPTION, 'beginning')
  await expect.poll(() => enricher.tally, PATIENT).toMatchObject({ enriched: 1, repeated: 1, warnings: 2 })
  expect(await answers(bus)).toHaveLength(2)
})

test('retries failures that may be temporary', async () => {
  const bus = await startedBus()
  let attempts = 0
  const readTags = async () => {
    if (++attempts < 3) throw new Error('EIO: i/o error')
    return { title: 'At last', metadata: {} }
  }
  const enricher = await startedEnricher({ bus, readTags, retry: { minDelayMs: 1 } })
  await bus.publish(found('/a.mp3'))
  await expect.poll(() => enricher.tally, PATIENT).toMatchObject({ enriched: 1, failures: 2 })
  expect(await answers(bus)).toMatchObject([{ data: { title: 'At last' } }])
})

test('a file that stays unreadable becomes a dead letter, which can be retried', async () => {
  const bus = await startedBus()
  let isAway = true
  const readTags = async () => {
    if (isAway) throw new Error('EIO: i/o error')
    return { title: 'At last', metadata: {} }
  }
  const retry = { attempts: 2, minDelayMs: 1 }
  const enricher = await startedEnricher({ bus, readTags, retry, leaseMs: 500 })
  await bus.publish(found('/a.mp3'))
  const letters = async () => (await bus.deadLetters.list({ limit: 10 })).deadLetters
  await expect.poll(letters, PATIENT).toMatchObject([{ subscription: SUBSCRIPTION, error: 'EIO: i/o error' }])
  isAway = false
  await bus.deadLetters.retry({ subscription: SUBSCRIPTION })
  await expect.poll(() => enricher.tally, PATIENT).toMatchObject({ enriched: 1 })
  await expect.poll(letters, PATIENT).toEqual([])
})

test('a stop lets files in progress be answered and starts no others', async () => {
  const bus = await startedBus()
  const reading = Promise.withResolvers<void>()
  const mayRead = Promise.withResolvers<void>()
  const readTags = async () => {
    reading.resolve()
    await mayRead.promise
    return { metadata: {} }
  }
  const enricher = await startedEnricher({ bus, readTags, concurrency: 1 })
  await bus.publish(found('/a.mp3', 'audio/mpeg', '1'))
  await bus.publish(found('/b.mp3', 'audio/mpeg', '2'))
  await reading.promise
  const stopped = enricher.stop()
  mayRead.resolve()
  await stopped
  expect(enricher.tally).toMatchObject({ enriched: 1, failures: 0 })
  expect(await answers(bus)).toMatchObject([{ causation_id: '1' }])
})

test('a stop does not wait forever for a file that cannot be read', async () => {
  const bus = await startedBus()
  const reading = Promise.withResolvers<void>()
  const read = Promise.withResolvers<MediaTags>()
  const readTags = () => {
    reading.resolve()
    return read.promise
  }
  const enricher = await startedEnricher({ bus, readTags, stopTimeoutMs: 10 })
  await bus.publish(found('/a.mp3'))
  await reading.promise
  await enricher.stop()
  expect(enricher.tally).toMatchObject({ enriched: 0 })
  read.resolve({ metadata: {} })
})

test('reports that its subscription was deleted', async () => {
  const bus = await startedBus()
  const enricher = await startedEnricher({ bus, leaseMs: 500 })
  await expect.poll(() => enricher.state, PATIENT).toBe('running')
  await bus.durable.delete(SUBSCRIPTION)
  await enricher.ended
  expect(enricher.state).toBeUndefined()
})
