import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { createToken } from '@viewra/events-module'
import { expect, test, vi } from 'vitest'
import { ServerProcess, startServer, temporaryFolder } from './server-process.ts'

const PATH = '/api/v1/events'

function tokensFile(text: string): string {
  const file = path.join(temporaryFolder(), 'tokens.json')
  writeFileSync(file, text)
  return file
}

const list = (name: string, hash: string) => JSON.stringify([{ name, role: 'viewer', hash }])

test('the tokens file is read again when it changes, and a broken one changes nothing', async () => {
  const [first, second] = [createToken(), createToken()]
  const file = tokensFile(list('first', first.hash))
  const env = { VIEWRA_EVENTS_TOKENS_FILE: file, VIEWRA_EVENTS_DATABASE_URL: 'memory:' }
  const { server, url } = await startServer(env)
  const status = async (route: string, token?: string) =>
    (await fetch(url + route, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }))
      .status

  expect(await status(PATH, first.token)).toBe(200)
  expect(await status('/metrics', first.token)).toBe(200)
  expect([await status(PATH), await status('/metrics'), await status('/healthz')]).toEqual([401, 401, 200])
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ok' })

  writeFileSync(file, '[')
  await vi.waitFor(async () => {
    expect(await status(PATH, first.token)).toBe(200)
    expect(server.stderr).toContain('its former tokens stay')
  }, 10_000)

  writeFileSync(file, list('second', second.hash))
  await vi.waitFor(async () => expect(await status('/metrics', second.token)).toBe(200), 10_000)
  expect(await status(PATH, second.token)).toBe(200)
  expect(await status(PATH, first.token)).toBe(401)
})

test('without a tokens file it listens on nothing but loopback', async () => {
  const exit = await new ServerProcess({ VIEWRA_EVENTS_HOST: '0.0.0.0' }).exit
  expect(exit.code).toBe(2)
  expect(exit.stderr).toContain('VIEWRA_EVENTS_TOKENS_FILE')
})

test.each([['{'], ['{}'], ['[{"name":"a","role":"root","hash":""}]']])(
  'a tokens file of %s ends it',
  async (text) => {
    const exit = await new ServerProcess({ VIEWRA_EVENTS_TOKENS_FILE: tokensFile(text) }).exit
    expect(exit.code).toBe(2)
    expect(exit.stderr).toContain('VIEWRA_EVENTS_TOKENS_FILE')
  },
)

test('the rate limit and the origins of pages are those of the environment', async () => {
  const { token, hash } = createToken()
  const { url } = await startServer({
    VIEWRA_EVENTS_TOKENS_FILE: tokensFile(list('one', hash)),
    VIEWRA_EVENTS_DATABASE_URL: 'memory:',
    VIEWRA_EVENTS_RATE_LIMIT: '3',
    VIEWRA_EVENTS_CORS_ORIGINS: 'https://a.example,https://b.example',
  })
  const headers = { authorization: `Bearer ${token}`, origin: 'https://b.example' }
  await vi.waitFor(async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url + PATH, { headers })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]))
    for (const answer of answers)
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://b.example')
  }, 15_000)
})
