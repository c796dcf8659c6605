import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { PostgresServer } from '@viewra/postgres-server'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ServerProcess, startServer } from './server-process.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await PostgresServer.start({ fsync: 'off' })
})
afterAll(() => postgres.stop())

test('two servers on one PostgreSQL are one: what is posted to either comes out of both streams, in one order', async () => {
  const env = { VIEWRA_EVENTS_DATABASE_URL: postgres.url }
  const servers = await Promise.all([startServer(env), startServer(env)])
  expect(servers[0].server.stdout).toContain(`— data in postgres://127.0.0.1:${postgres.port}/postgres`)
  const streams = await Promise.all(
    servers.map(({ url }) => titlesOf(`${url}/api/v1/events/stream?types=info`)),
  )
  const titles = Array.from({ length: 40 }, (_, i) => `title ${i}`)
  for (const [i, title] of titles.entries()) {
    const answer = await post(servers[i % 2]?.url ?? '', { type: 'info', source: 'test', title })
    expect(answer.status).toBe(201)
  }
  for (const seen of streams) await expect.poll(() => seen, { timeout: 10_000 }).toEqual(titles)
})

test('a server listens for others where its setting says, and tells when that is nowhere', async () => {
  const nowhere = postgres.url.replace(`:${postgres.port}/`, ':9/')
  const health = async (listenUrl: string) => {
    const env = { VIEWRA_EVENTS_DATABASE_URL: postgres.url, VIEWRA_EVENTS_DATABASE_LISTEN_URL: listenUrl }
    const { url } = await startServer(env)
    return async () => JSON.stringify(await (await fetch(`${url}/api/v1/events/health`)).json())
  }
  await expect.poll(await health(postgres.url), { timeout: 10_000 }).toContain('"listening":true')
  await expect.poll(await health(nowhere), { timeout: 10_000 }).toContain('"listening":false')
})

test('a server that need not wait says in one line that PostgreSQL is not there, without the password', async () => {
  const url = postgres.url.replace(`:${postgres.port}/`, ':9/')
  const env = { VIEWRA_EVENTS_DATABASE_URL: url, VIEWRA_EVENTS_DATABASE_WAIT_SECONDS: '0' }
  const exit = await new ServerProcess({ ...env, VIEWRA_EVENTS_PORT: '0' }).exit
  expect(exit).toMatchObject({ code: 1, stdout: '' })
  expect(exit.stderr).toMatch(/^Cannot start: [^\n]*127\.0\.0\.1:9\/postgres[^\n]*\n$/)
  expect(exit.stderr).not.toContain('p@ss')
})

test('a server that starts while PostgreSQL is away waits for it, says so in its log, and then serves', async () => {
  await postgres.end('SIGINT')
  const server = new ServerProcess({ VIEWRA_EVENTS_DATABASE_URL: postgres.url, VIEWRA_EVENTS_PORT: '0' })
  await server.logged('The database is unavailable; retrying')
  expect(server.stderr).not.toContain('p@ss')
  await postgres.startAgain()
  expect((await fetch(`${await server.url()}/api/v1/events`)).status).toBe(200)
})

test('a server that waits for PostgreSQL stops when it is asked to', async () => {
  const url = postgres.url.replace(`:${postgres.port}/`, ':9/')
  const server = new ServerProcess({ VIEWRA_EVENTS_DATABASE_URL: url, VIEWRA_EVENTS_PORT: '0' })
  await server.logged('The database is unavailable; retrying')
  server.kill('SIGTERM')
  expect(await server.exit).toMatchObject({ code: 1, stdout: '' })
})

test('a wrong password is not waited for', async () => {
  const url = postgres.urlFor('postgres', 'wrong')
  const exit = await new ServerProcess({ VIEWRA_EVENTS_DATABASE_URL: url, VIEWRA_EVENTS_PORT: '0' }).exit
  expect(exit.stderr).toMatch(/^Cannot start: [^\n]*rejects this user[^\n]*\n$/)
})

/** Titles of the events of a stream, as they come. */
async function titlesOf(url: string): Promise<readonly string[]> {
  const response = await untilTaken(async () => {
    const request = get(url)
    onTestFinished(() => void request.destroy())
    const [answer]: IncomingMessage[] = await once(request, 'response')
    return { status: answer?.statusCode, answer }
  })
  const titles: string[] = []
  let text = ''
  response.answer?.setEncoding('utf8').on('data', (chunk: string) => {
    const frames = (text + chunk).split('\n\n')
    text = frames.pop() ?? ''
    for (const frame of frames) {
      const { type, data } = JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? '{}')
      if (type === 'event') titles.push(data.title)
    }
  })
  return titles
}

function post(url: string, event: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return untilTaken(() =>
    fetch(`${url}/api/v1/events`, { method: 'POST', headers, body: JSON.stringify(event) }),
  )
}

/** Asks again while a server that has just started on a busy machine sheds load: it has not looked at the request. */
async function untilTaken<T extends { readonly status: number | undefined }>(
  ask: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
