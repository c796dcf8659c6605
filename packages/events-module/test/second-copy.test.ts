import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as core from '@viewra/events-core'
import Fastify from 'fastify'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventsModule } from '../src/index.ts'
import { eventsApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'

const CORE = fileURLToPath(new URL('../../events-core', import.meta.url))
const URL_PATH = '/api/v1/events'

/** The same package once more, as a process has it whose app and whose plugin each depend on one of their own. */
let copy: typeof core

beforeAll(async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'second-copy-'))
  await cp(path.join(CORE, 'src'), path.join(directory, 'src'), { recursive: true })
  await symlink(path.join(CORE, 'node_modules'), path.join(directory, 'node_modules'))
  copy = await import(/* @vite-ignore */ path.join(directory, 'src/index.ts'))
  return () => rm(directory, { recursive: true })
})

async function appOnCopy() {
  const bus = copy.createEventBus()
  await bus.start()
  const app = Fastify()
  await app.register(eventsModule, { bus })
  onTestFinished(async () => {
    await app.close()
    await bus.stop()
  })
  return { app, bus }
}

test('errors of the copy are instances of another class, and recognised all the same', () => {
  const error = new copy.EventsError('EVENTS_INVALID', 'no')
  expect(error instanceof core.EventsError).toBe(false)
  expect(core.isEventsError(error)).toBe(true)
  expect(copy.isEventsError(new core.EventsError('EVENTS_INVALID', 'no'))).toBe(true)
  for (const other of [new Error('EventsError'), { code: 'EVENTS_INVALID' }, null, undefined, 'EventsError'])
    expect(core.isEventsError(other)).toBe(false)
})

describe('a bus of another copy of core behind the module', () => {
  test('what it refuses is answered as what it is', async () => {
    const { app, bus } = await appOnCopy()
    const refused = { type: 'not a type', source: 'x' }
    const single = await app.inject({ method: 'POST', url: URL_PATH, payload: refused })
    expect([single.statusCode, single.json().errors]).toEqual([
      400,
      [expect.objectContaining({ path: 'type' })],
    ])
    const batch = await app.inject({ method: 'POST', url: `${URL_PATH}/batch`, payload: [refused] })
    expect([batch.statusCode, batch.json().code]).toEqual([400, 'EVENTS_INVALID'])
    const filtered = await app.inject(`${URL_PATH}?type=not%20a%20type`)
    expect([filtered.statusCode, filtered.json().errors]).toEqual([
      400,
      [expect.objectContaining({ path: 'type' })],
    ])
    const unknown = await app.inject({ method: 'POST', url: `${URL_PATH}/subscriptions/none/pause` })
    expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'EVENTS_NOT_FOUND'])
    await bus.stop()
    const stopped = await app.inject({ method: 'POST', url: URL_PATH, payload: { type: 'a', source: 'x' } })
    expect([stopped.statusCode, stopped.json().code]).toEqual([503, 'EVENTS_NOT_RUNNING'])
  })

  test('a CloudEvent is refused under the names that it has', async () => {
    const { app } = await appOnCopy()
    const event = { specversion: '1.0', id: 'a', source: 'x', type: 'a', time: 'yesterday' }
    const answer = await app.inject({
      method: 'POST',
      url: URL_PATH,
      headers: { 'content-type': 'application/cloudevents+json' },
      payload: event,
    })
    expect([answer.statusCode, answer.json().errors]).toEqual([
      400,
      [expect.objectContaining({ path: 'time' })],
    ])
  })

  test('on a socket too', async () => {
    const { app } = await appOnCopy()
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    const client = await SocketClient.open(`${address}${URL_PATH}`)
    client.send({ type: 'publish', id: 'p', event: { type: 'not a type', source: 'x' } })
    expect(await client.next()).toMatchObject({ type: 'error', id: 'p', code: 'EVENTS_INVALID' })
  })

  test('a code that this module does not know is an error of the server', async () => {
    const { app, bus } = await appOnCopy()
    bus.stats = () => {
      throw new copy.EventsError('EVENTS_OF_LATER' as never, 'of a later version')
    }
    const answer = await app.inject(`${URL_PATH}/stats`)
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'EVENTS_OF_LATER'])
  })
})

test('a store of another copy of core under a bus: its errors keep their code', async () => {
  const storage = copy.memoryStorage()
  storage.append = async () => {
    throw new copy.EventsError('EVENTS_STORAGE_CORRUPT', 'damaged')
  }
  const { bus } = await eventsApp({ bus: { storage } })
  const published = bus.publish({ type: 'a', source: 'x' })
  await expect(published).rejects.toMatchObject({ code: 'EVENTS_STORAGE_CORRUPT', message: 'damaged' })
})
