import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEventBus } from '@viewra/events-core'
import { createTypeRegistry } from '@viewra/events-core/schemas'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { expect, test } from 'vitest'
import { busPublisher } from '../src/publishers/bus.ts'
import { HttpPublisher } from '../src/publishers/http.ts'
import type { Publisher } from '../src/publishers/publisher.ts'
import { scan } from '../src/scan.ts'
import { EventServer } from './event-server.ts'
import { startScanner } from './scanner-process.ts'
import { countOnServer, filesOnBus, filesOnServer, regularFiles } from './stored-files.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** A package with more than a thousand files. */
const LARGE_TREE = realpathSync(fileURLToPath(new URL('../../../node_modules/knip', import.meta.url)))
/** One of these packages, with some hundred files. */
const SMALL_TREE = realpathSync(fileURLToPath(new URL('../node_modules/vitest', import.meta.url)))

test('a large tree scanned directly into a store: each file is stored once', async () => {
  await using directory = await temporaryDirectory()
  const storage = sqliteStorage({ path: join(directory.path, 'events.db') })
  const bus = createEventBus({ storage, registry: createTypeRegistry() })
  const publisher = await busPublisher(bus)
  const report = await scan({ directory: LARGE_TREE, libraryId: 1, publisher })
  const expected = await regularFiles(LARGE_TREE)
  expect(expected.length).toBeGreaterThan(1_000)
  expect(await filesOnBus(bus)).toEqual(expected)
  expect(report).toMatchObject({ found: expected.length, published: expected.length, errors: 0 })
  expect(await bus.count({ types: ['scan.completed'] })).toBe(1)
  await publisher.close()
}, 120_000)

test('a tree scanned over the HTTP API: each file is stored once', async () => {
  await using directory = await temporaryDirectory()
  await using server = await EventServer.start(join(directory.path, 'events.db'))
  const scanner = startScanner([SMALL_TREE, '--url', server.url.href, '--library-id', '3'])
  const expected = await regularFiles(SMALL_TREE)
  expect(await scanner.result).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(new RegExp(`^Scan completed: ${expected.length} files, .* 0 errors, `)),
    stderr: expect.stringMatching(/^\d+\.\d % .*\n/),
  })
  expect(await filesOnServer(server.url)).toEqual(expected)
  expect(await countOnServer(server.url, 'scan.completed')).toBe(1)
}, 120_000)

test('a server that crashes repeatedly during the scan: nothing is lost or stored twice', async () => {
  await using directory = await temporaryDirectory()
  await using server = await EventServer.start(join(directory.path, 'events.db'))
  const http = new HttpPublisher({ url: server.url })
  const expected = await regularFiles(SMALL_TREE)
  let published = 0
  let crashes = 0
  let crash = Promise.resolve()
  // Kills while requests are in flight, when a response can be lost although the event is stored.
  const publisher: Publisher = {
    publish: async (event) => {
      const publishing = http.publish(event)
      if (++published % Math.ceil(expected.length / 4) === 0) {
        crash = crash.then(() => server.kill()).then(() => server.restart())
        crashes++
      }
      await publishing
    },
    close: () => http.close(),
  }
  const report = await scan({ directory: SMALL_TREE, libraryId: 1, publisher })
  await crash
  expect(crashes).toBeGreaterThanOrEqual(3)
  expect(report).toMatchObject({ published: expected.length, errors: 0 })
  expect(await filesOnServer(server.url)).toEqual(expected)
  for (const type of ['scan.started', 'scan.completed']) expect(await countOnServer(server.url, type)).toBe(1)
}, 120_000)
