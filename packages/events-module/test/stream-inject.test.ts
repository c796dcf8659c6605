import { expect, test } from 'vitest'
import { eventsApp } from './events-app.ts'
import { frameOf } from './sse-client.ts'

const STREAM = '/api/v1/events/stream'
const input = (n: number) => ({ type: 'a', source: 'x', data: { n } })

const framesOf = (text: string) => text.split('\n\n').slice(0, -1).map(frameOf)

test('an injected request gets its headers and what there is, and then its answer ends', async () => {
  const { app, bus } = await eventsApp()
  await bus.publishMany([input(1), input(2)])
  const answer = await app.inject(`${STREAM}?from=beginning`)
  expect(answer.statusCode).toBe(200)
  expect(answer.headers['content-type']).toContain('text/event-stream')
  expect(framesOf(answer.payload).map(({ type }) => type)).toEqual([
    'connected',
    'event',
    'event',
    'caught_up',
  ])
  expect(bus.subscriptions()).toEqual([])
})

test('one that asks for no history gets the first frame', async () => {
  const { app } = await eventsApp()
  const answer = await app.inject(STREAM)
  expect(framesOf(answer.payload).map(({ type }) => type)).toEqual(['connected'])
})

test('one that reads the answer as a stream follows, until it leaves', async () => {
  const { app, bus } = await eventsApp()
  const answer = await app.inject({ url: STREAM, payloadAsStream: true })
  expect(answer.statusCode).toBe(200)
  const frames: unknown[] = []
  const stream = answer.stream()
  stream.on('data', (chunk) => frames.push(...framesOf(String(chunk)).map(({ data }) => data)))
  await expect.poll(() => frames.length).toBe(1)
  await bus.publish(input(1))
  await expect.poll(() => frames.at(-1)).toMatchObject({ data: { n: 1 } })
  await app.close()
  expect(bus.subscriptions()).toEqual([])
})
