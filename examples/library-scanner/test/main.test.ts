import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEventBus } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { expect, test } from 'vitest'
import { created, httpServer } from './http-server.ts'
import { MAIN, startScanner } from './scanner-process.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Returns the types of the events in a SQLite file, in order. */
async function storedTypes(path: string): Promise<string[]> {
  const bus = createEventBus({ storage: sqliteStorage({ path }) })
  await bus.start()
  const { events } = await bus.list({ limit: 1_000, order: 'asc' })
  await bus.stop()
  return events.map(({ type }) => type)
}

test('prints its usage', async () => {
  const { exitCode, stdout, stderr } = await startScanner(['--help']).result
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(/^Usage: library-scanner <directory>/)
})

test('exits with 2 on wrong usage', async () => {
  expect(await startScanner(['.', '--concurrency', 'many']).result).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: expect.stringMatching(/^library-scanner: --concurrency must be an integer .* 'many'\n.*--help/),
  })
})

test('exits with 1 and publishes scan.failed when the directory is missing', async () => {
  await using directory = await temporaryDirectory()
  const database = join(directory.path, 'scan.db')
  const missing = join(directory.path, 'missing')
  const { exitCode, stderr } = await startScanner([missing, '--database', `sqlite:${database}`]).result
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^Scan failed: ENOENT/)
  expect(await storedTypes(database)).toEqual(['scan.started', 'scan.failed'])
})

test('exits with 1 and says why when the store cannot be opened', async () => {
  await using directory = await temporaryDirectory()
  const args = [directory.path, '--database', `sqlite:${directory.path}`]
  const { exitCode, stderr } = await startScanner(args).result
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^library-scanner: .+\n$/)
})

test('adds to a SQLite file', async () => {
  await using directory = await temporaryDirectory()
  const database = join(directory.path, 'scan.db')
  mkdirSync(join(directory.path, 'music'))
  writeFileSync(join(directory.path, 'music/song.flac'), 'la')
  for (let run = 0; run < 2; run++) {
    const args = [join(directory.path, 'music'), '--database', `sqlite:${database}`]
    const { exitCode, stdout } = await startScanner(args).result
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^Scan completed: 1 files, 2 B, 0 errors, 0 skipped, /)
  }
  // After an orderly close, the file needs no log beside it.
  expect(readdirSync(directory.path).sort()).toEqual(['music', 'scan.db'])
  const aScan = ['scan.started', 'media.file.found', 'scan.progress', 'scan.completed']
  expect(await storedTypes(database)).toEqual([...aScan, ...aScan])
})

test('can be tried out in memory', async () => {
  await using directory = await temporaryDirectory()
  const { exitCode, stdout } = await startScanner([directory.path, '--database', 'memory:']).result
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^Scan completed: 0 files/)
})

test('completes its scan although nobody reads its output any more', async () => {
  await using directory = await temporaryDirectory()
  const database = join(directory.path, 'scan.db')
  const args = ['--conditions=@viewra/source', MAIN, directory.path, '--database', `sqlite:${database}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  child.stderr.destroy()
  expect(await once(child, 'exit')).toEqual([0, null])
  expect((await storedTypes(database)).at(-1)).toBe('scan.completed')
})

async function directoryOfFifty() {
  const directory = await temporaryDirectory()
  for (let i = 0; i < 50; i++) writeFileSync(join(directory.path, `${i}`), '')
  return directory
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s ends the scan in order, with scan.failed as its last event and exit code %i',
  async (signal, code) => {
    await using directory = await directoryOfFifty()
    await using server = await httpServer((response, request) => {
      if (request === 10) scanner.child.kill(signal)
      created(response)
    })
    const scanner = startScanner([directory.path, '--url', server.url.href, '--concurrency', '1'])
    const { exitCode, stderr } = await scanner.result
    expect(exitCode).toBe(code)
    expect(stderr).toContain('Scan failed: interrupted')
    const last = { type: 'scan.failed', data: { error: 'interrupted' } }
    expect(server.received.at(-1)?.event).toMatchObject(last)
    expect(server.received.length).toBeLessThan(50)
  },
)

test('a second Ctrl-C does not wait for a server that does not respond', async () => {
  await using directory = await directoryOfFifty()
  const stuck = Promise.withResolvers<void>()
  await using server = await httpServer((response, request) => {
    if (request < 10) created(response)
    else stuck.resolve()
  })
  const scanner = startScanner([directory.path, '--url', server.url.href])
  await stuck.promise
  // Signals in quick succession are merged into one.
  const impatience = setInterval(() => scanner.child.kill('SIGINT'), 50)
  expect(await scanner.result).toMatchObject({ exitCode: 130 })
  clearInterval(impatience)
  expect(server.received.map(({ event }) => event.type)).not.toContain('scan.failed')
})

const UNPRIVILEGED = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
const script = `require('node:fs').accessSync(${JSON.stringify(MAIN)})`
const canRunUnprivileged = spawnSync(process.execPath, ['-e', script], UNPRIVILEGED).status === 0

test.skipIf(!canRunUnprivileged || process.platform === 'win32')(
  'warns of files and directories that it has no permission for',
  async () => {
    await using directory = await temporaryDirectory()
    const at = (name: string) => join(directory.path, name)
    mkdirSync(at('locked'))
    for (const name of ['readable', 'secret', 'locked/unseen']) writeFileSync(at(name), '')
    chmodSync(at('secret'), 0)
    chmodSync(at('locked'), 0)
    chmodSync(directory.path, 0o755)
    await using server = await httpServer(created)
    const scanner = startScanner([directory.path, '--url', server.url.href], UNPRIVILEGED)
    const { exitCode, stdout } = await scanner.result
    chmodSync(at('locked'), 0o755)
    expect(exitCode).toBe(0)
    expect(stdout).toContain('1 files, 0 B, 2 errors')
    const warnings = server.received
      .filter(({ event }) => event.type === 'warning')
      .map(({ event }) => event.data)
    expect(new Set(warnings)).toEqual(
      new Set([
        expect.objectContaining({ code: 'EACCES', details: expect.objectContaining({ path: at('secret') }) }),
        expect.objectContaining({ code: 'EACCES', details: expect.objectContaining({ path: at('locked') }) }),
      ]),
    )
    const completed = { files_found: 2, files_processed: 1, error_count: 2 }
    expect(server.received.at(-1)?.event).toMatchObject({ type: 'scan.completed', data: completed })
  },
)
