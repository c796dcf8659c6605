import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Exit, ServerProcess, startServer, temporaryFolder } from './server-process.ts'

function run(file: string, ...args: string[]): Promise<Exit> {
  return new ServerProcess({ VIEWRA_EVENTS_TOKENS_FILE: file }, ['token', ...args]).exit
}

const newFile = () => path.join(temporaryFolder(), 'tokens.json')

async function create(file: string, name: string, role = 'viewer', ...more: string[]): Promise<string> {
  const exit = await run(file, 'create', '--role', role, '--name', name, ...more)
  expect(exit, exit.stderr).toMatchObject({ code: 0 })
  return exit.stdout.trimEnd()
}

test('a running server takes a token that is made, and refuses one that is revoked', async () => {
  const file = newFile()
  await create(file, 'first', 'admin')
  const { url } = await startServer({
    VIEWRA_EVENTS_TOKENS_FILE: file,
    VIEWRA_EVENTS_DATABASE_URL: 'memory:',
  })
  const token = await create(file, 'scanner', 'publisher', '--sources', 'plugin:scanner', '--types', 'scan.*')
  expect(token).toMatch(/^vwe_[\w-]{43}$/)
  const publish = async (type: string, source: string) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const body = JSON.stringify({ type, source })
    return (await fetch(`${url}/api/v1/events`, { method: 'POST', headers, body })).status
  }
  // Four tries a second, and a second until the file is read: ten failed ones would be refused for a minute.
  const patience = { timeout: 10_000, interval: 250 }
  await vi.waitFor(async () => expect(await publish('scan.done', 'plugin:scanner')).toBe(201), patience)
  expect(await publish('scan.done', 'system')).toBe(403)
  expect(await publish('info', 'plugin:scanner')).toBe(403)

  expect((await run(file, 'list')).stdout).toBe(
    'first\tadmin\tall\nscanner\tpublisher\tonly plugin:scanner scan.*\n',
  )
  expect(await run(file, 'revoke', 'scanner')).toMatchObject({ code: 0, stdout: '' })
  await vi.waitFor(async () => expect(await publish('scan.done', 'plugin:scanner')).toBe(401), patience)
})

test('the file is its owner’s alone, has no token in it, and nothing is left beside it', async () => {
  const file = newFile()
  const token = await create(file, 'a')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).not.toContain(token)
  expect(readdirSync(path.dirname(file))).toEqual(['tokens.json'])
})

test('a file that is there keeps its owner, group and mode, so that its server can go on reading it', async () => {
  const file = newFile()
  writeFileSync(file, '[]')
  chmodSync(file, 0o640)
  // Only root can give a file away.
  if (process.getuid?.() === 0) chownSync(file, 65_534, 65_534)
  const before = statSync(file)
  await create(file, 'a')
  const { uid, gid, mode, ino } = statSync(file)
  expect({ uid, gid, mode }).toEqual({ uid: before.uid, gid: before.gid, mode: before.mode })
  expect(ino).not.toBe(before.ino)
})

test('tokens made at once are all kept', { timeout: 60_000 }, async () => {
  const file = newFile()
  const names = ['a', 'b', 'c', 'd']
  await Promise.all(names.map((name) => create(file, name)))
  const listed = (await run(file, 'list')).stdout.trimEnd().split('\n')
  expect(listed.map((line) => line.split('\t')[0]).sort()).toEqual(names)
})

const HASH = 'a'.repeat(64)
const ONE = JSON.stringify([{ name: 'a', role: 'viewer', hash: HASH }])

test.each([
  [[], 'Usage'],
  [['creat'], 'did you mean create?'],
  [['create', '--role', 'viewer'], '--name must be given'],
  [['create', '--role', 'root', '--name', 'b'], "not 'root'"],
  [['create', '--role', 'viewer', '--name', 'a'], "a token 'a' already"],
  [['create', '--role', 'viewer', '--name', 'b', '--typs', 'x'], '--typs'],
  [['create', '--role', 'viewer', '--name', 'b', '--types', 'scan.*,'], '--types'],
  [['create', '--role', 'viewer', '--name', 'b', 'c'], "'c'"],
  [['revoke'], 'the name of one token'],
  [['revoke', 'b'], "did you mean 'a'?"],
  [['list', 'x'], "'x'"],
])('token %j is refused with exit code 2 and changes nothing', async (args, message) => {
  const file = newFile()
  writeFileSync(file, ONE)
  const exit = await run(file, ...args)
  expect(exit).toMatchObject({ code: 2, stdout: '' })
  expect(exit.stderr).toContain(message)
  expect(exit.stderr).not.toContain('    at ')
  expect(readFileSync(file, 'utf8')).toBe(ONE)
})

test.each(['[', '{}', '[{"name":"a","role":"root","hash":""}]'])(
  'a file of %s is refused with exit code 2 and stays as it is',
  async (text) => {
    const file = newFile()
    writeFileSync(file, text)
    const exit = await run(file, 'create', '--role', 'viewer', '--name', 'b')
    expect(exit).toMatchObject({ code: 2, stdout: '' })
    expect(exit.stderr).toContain(file)
    expect(readFileSync(file, 'utf8')).toBe(text)
  },
)

test('a file that is not there is made by create alone', async () => {
  const file = newFile()
  expect((await run(file, 'list')).code).toBe(2)
  expect((await run(file, 'revoke', 'a')).code).toBe(2)
  expect(existsSync(file)).toBe(false)
  await create(file, 'a')
  const elsewhere = path.join(temporaryFolder(), 'no', 'tokens.json')
  expect((await run(elsewhere, 'create', '--role', 'viewer', '--name', 'a')).code).toBe(2)
  expect((await new ServerProcess({}, ['token', 'list']).exit).stderr).toContain('VIEWRA_EVENTS_TOKENS_FILE')
})
