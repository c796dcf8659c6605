import { statSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import path from 'node:path'
import { createToken } from '@viewra/events-module'
import { expect, test } from 'vitest'
import { ConfigError } from '../src/config.ts'
import { readCookieSecret } from '../src/cookie-secret.ts'
import { startServer, temporaryFolder } from './server-process.ts'

const API = '/api/v1/events'
const { token, hash } = createToken()

/** Of a server with one token, whose data lie in the folder. */
function environment(folder: string): Record<string, string> {
  const file = path.join(folder, 'tokens.json')
  writeFileSync(file, JSON.stringify([{ name: 'page', role: 'admin', hash }]))
  return {
    VIEWRA_EVENTS_TOKENS_FILE: file,
    VIEWRA_EVENTS_DATABASE_URL: `sqlite:${path.join(folder, 'events.db')}`,
  }
}

function opened(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (response) => resolve(response.destroy())).once('error', reject)
  })
}

async function cookieOf(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const asked = await fetch(`${url}${API}/tickets`, { method: 'POST', headers })
  const { ticket } = JSON.parse(await asked.text())
  const stream = await opened(`${url}${API}/stream?ticket=${ticket}`)
  return (stream.headers['set-cookie']?.join() ?? '').split(';', 1).join()
}

test('the secret of cookies lies beside the data, for its owner alone, and other servers can share it', {
  timeout: 60_000,
}, async () => {
  const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()]
  const one = await startServer(environment(folder))
  const cookie = await cookieOf(one.url)
  const secretFile = path.join(folder, 'events.db.cookie-secret')
  expect(statSync(secretFile).mode & 0o777).toBe(0o600)
  const other = await startServer({
    ...environment(elsewhere),
    VIEWRA_EVENTS_DATABASE_URL: 'memory:',
    VIEWRA_EVENTS_COOKIE_SECRET_FILE: secretFile,
  })
  // A machine under load may refuse it for a moment.
  const status = async () => (await opened(`${other.url}${API}/stream`, { cookie })).statusCode
  await expect.poll(status, { timeout: 10_000 }).toBe(200)
})

test.each([
  ['is too short', () => shortSecret(), 'must hold at least 32 characters'],
  ['is no file', () => '/dev/null', 'must be a regular file'],
  ['cannot be made', () => '/proc/none/secret', 'ENOENT'],
])('a secret that %s is refused with what to do', (_what, fileOf, message) => {
  const file = fileOf()
  const refused = () => readCookieSecret(file)
  expect(refused).toThrow(ConfigError)
  expect(refused).toThrow('VIEWRA_EVENTS_COOKIE_SECRET_FILE')
  expect(refused).toThrow(message)
})

function shortSecret(): string {
  const file = path.join(temporaryFolder(), 'secret')
  writeFileSync(file, 'short')
  return file
}
