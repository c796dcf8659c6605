import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import path from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { helpText } from '../src/config-reference.ts'
import { type Exit, ServerProcess, startServer, temporaryFolder } from './server-process.ts'

const MEMORY = { VIEWRA_EVENTS_DATABASE_URL: 'memory:' }

/** One line for a person: no stack trace, no JSON. */
function expectOneLine(exit: Exit): void {
  expect(exit.stdout).toBe('')
  expect(exit.stderr).toMatch(/^[^{\n][^\n]*\n$/)
}

test('the first line of output names the address and where the data lies', async () => {
  const database = path.join(temporaryFolder(), 'deep', 'events.db')
  const { server, url } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}` })
  expect(server.stdout).toBe(`Viewra events listening on ${url} — data in ${database}\n`)
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(readFileSync(database, 'latin1')).toMatch(/^SQLite format 3/)
})

test('with memory the first line warns that events will be gone', async () => {
  const { server } = await startServer(MEMORY)
  expect(server.stdout).toContain('data in memory only, gone when it stops')
})

test.each(['localhost', '::1', '127.0.0.7'])('it listens on %s', async (host) => {
  const { url } = await startServer({ ...MEMORY, VIEWRA_EVENTS_HOST: host })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('it serves the events, whether it is alive and ready, and its metrics', async () => {
  const { url } = await startServer(MEMORY)
  const published = await fetch(`${url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'test.published', source: 'system' }),
  })
  expect(published.status).toBe(201)
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' })
  const ready = await fetch(`${url}/readyz`)
  expect(ready.status).toBe(200)
  expect(await ready.json()).toMatchObject({ status: 'ok', checks: { storage: { status: 'ok' } } })
  expect((await fetch(`${url}/openapi.json`)).url).toBe(`${url}/api/v1/events/openapi.json`)
  expect(await (await fetch(`${url}/docs`)).text()).toContain('HTTP API')
  const foreign = request(`${url}/metrics`, { headers: { host: 'evil.example' } }).end()
  const [refused]: IncomingMessage[] = await once(foreign, 'response')
  refused?.resume()
  expect(refused?.statusCode).toBe(403)
  const metrics = await fetch(`${url}/metrics`)
  expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/)
  const text = await metrics.text()
  expect(text).toContain('viewra_events_published_total')
  expect(text).toContain('process_resident_memory_bytes')
})

test('a start leaves an event that says what was started', async () => {
  const { url } = await startServer(MEMORY)
  const response = await fetch(`${url}/api/v1/events?type=system.started`)
  const none = { plugin_count: 0, library_count: 0, user_count: 0, media_count: 0 }
  expect(await response.json()).toMatchObject({
    total: 1,
    events: [
      { source: 'system', data: { version: manifest.version, uptime_ms: expect.any(Number), ...none } },
    ],
  })
})

test('requests are logged at debug, and not at info', async () => {
  const { server: quiet, url } = await startServer(MEMORY)
  await fetch(`${url}/healthz`)
  quiet.kill('SIGTERM')
  expect((await quiet.exit).stderr).not.toContain('/healthz')
  const { server: verbose, url: second } = await startServer({ ...MEMORY, VIEWRA_EVENTS_LOG_LEVEL: 'debug' })
  await fetch(`${second}/healthz`)
  verbose.kill('SIGTERM')
  expect((await verbose.exit).stderr).toContain('/healthz')
})

test('--help prints the variables, --version the version', async () => {
  expect(await new ServerProcess({}, ['--help']).exit).toMatchObject({
    code: 0,
    stdout: `${helpText()}\n`,
    stderr: '',
  })
  expect(await new ServerProcess({}, ['--version']).exit).toMatchObject({
    code: 0,
    stdout: `${manifest.version}\n`,
    stderr: '',
  })
})

test('an unknown argument is refused with exit code 2', async () => {
  const exit = await new ServerProcess(MEMORY, ['--port=80']).exit
  expect(exit.code).toBe(2)
  expect(exit.stderr).toContain('--port=80')
  expectOneLine(exit)
})

test('a wrong configuration is told variable by variable, with exit code 2', async () => {
  const exit = await new ServerProcess({ VIEWRA_EVENTS_HOST: '0.0.0.0', VIEWRA_EVENTS_PROT: '80' }).exit
  expect(exit).toMatchObject({ code: 2, stdout: '' })
  expect(exit.stderr).toMatch(
    /^Wrong configuration .+\nVIEWRA_EVENTS_PROT is not .+\nVIEWRA_EVENTS_HOST is "0\.0\.0\.0".+\n$/,
  )
})

test('beside a Kubernetes Service of its name it starts, and logs which variables it does not read', async () => {
  const link = { VIEWRA_EVENTS_PORT_8080_TCP: 'tcp://10.0.0.11:8080' }
  const { server } = await startServer({ ...MEMORY, ...link })
  expect(server.stderr).toMatch(/VIEWRA_EVENTS_PORT_8080_TCP.+Kubernetes has set/)
})

test('a port in use is told in one line, with exit code 1', async () => {
  const { url } = await startServer(MEMORY)
  const { port } = new URL(url)
  const exit = await new ServerProcess({ ...MEMORY, VIEWRA_EVENTS_PORT: port }).exit
  expect(exit.code).toBe(1)
  expect(exit.stderr).toContain(`Port ${port} of 127.0.0.1 is in use`)
  expectOneLine(exit)
})

test('a server that cannot listen leaves no trace in the events of the one that does', async () => {
  const database = { VIEWRA_EVENTS_DATABASE_URL: `sqlite:${path.join(temporaryFolder(), 'events.db')}` }
  const { url } = await startServer(database)
  expect((await new ServerProcess({ ...database, VIEWRA_EVENTS_PORT: new URL(url).port }).exit).code).toBe(1)
  expect(await (await fetch(`${url}/api/v1/events`)).json()).toMatchObject({ total: 1 })
})

test('a file that is no database is told in one line, with exit code 1', async () => {
  const database = path.join(temporaryFolder(), 'events.db')
  const content = 'These are my holiday photographs. '.repeat(1_000)
  writeFileSync(database, content)
  const exit = await new ServerProcess({ VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}` }).exit
  expect(exit.code).toBe(1)
  expect(exit.stderr).toContain(database)
  expectOneLine(exit)
  expect(readFileSync(database, 'utf8')).toBe(content)
})

test('a damaged database is told in one line, with exit code 1', async () => {
  const database = path.join(temporaryFolder(), 'events.db')
  const env = { VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}` }
  const { server } = await startServer(env)
  server.kill('SIGTERM')
  await server.exit
  // The header stays: it looks like a database until it is read.
  const content = readFileSync(database)
  writeFileSync(database, content.fill(0xa5, 100))
  const exit = await new ServerProcess(env).exit
  expect(exit.code).toBe(1)
  expect(exit.stderr).toContain(database)
  expectOneLine(exit)
})

test('a folder that cannot be made or read is told in one line, with exit code 1', async () => {
  const file = path.join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  const exit = await new ServerProcess({ VIEWRA_EVENTS_DATABASE_URL: `sqlite:${file}/events.db` }).exit
  expect(exit.code).toBe(1)
  expect(exit.stderr).toContain(file)
  expectOneLine(exit)
})
