import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readTokens, TokensFile } from '../src/tokens-file.ts'
import { ServerProcess, temporaryFolder } from './server-process.ts'

const HASH = 'a'.repeat(64)
const TIME = new Date('2026-01-01')
const list = (...names: string[]) =>
  JSON.stringify(names.map((name) => ({ name, role: 'viewer', hash: HASH })))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Watched {
  readonly file: string
  readonly tokens: TokensFile
  readonly said: string[]
  /** The names in the file, as seen by a look that comes later than the last one. */
  readonly names: () => readonly string[]
}

function watch(text: string): Watched {
  const file = path.join(temporaryFolder(), 'tokens.json')
  writeFileSync(file, text)
  utimesSync(file, TIME, TIME)
  const said: string[] = []
  const log = (fields: unknown, message?: string) => said.push(message ?? String(fields))
  const tokens = new TokensFile(file, { error: log, info: log })
  const names = () => {
    vi.advanceTimersByTime(1_001)
    return tokens.entries().map(({ name }) => name)
  }
  return { file, tokens, said, names }
}

test('a change is seen although time, size and inode are what they were', () => {
  const { file, names } = watch(list('first'))
  const { mtime, size, ino } = statSync(file)
  writeFileSync(file, list('other'))
  utimesSync(file, TIME, TIME)
  expect(statSync(file)).toMatchObject({ mtime, size, ino })
  expect(names()).toEqual(['other'])
})

test('a file that was looked at half written is read again when it is whole', () => {
  const { file, names, said } = watch(list('first'))
  const whole = list('other')
  writeFileSync(file, whole.slice(0, -1).padEnd(whole.length))
  utimesSync(file, TIME, TIME)
  expect(names()).toEqual(['first'])
  expect(said).toEqual([expect.stringContaining('its former tokens stay')])
  writeFileSync(file, whole)
  utimesSync(file, TIME, TIME)
  expect(names()).toEqual(['other'])
  expect(said[1]).toBe('the tokens file can be used again')
})

test('a file that could not be read while it was exchanged is read when it can be', () => {
  const { file, names } = watch(list('first', 'revoked'))
  const next = `${file}.next`
  writeFileSync(next, list('first'))
  chmodSync(next, 0o000)
  renameSync(next, file)
  expect(asOrdinaryUser(path.dirname(file), names)).toEqual(['first', 'revoked'])
  chmodSync(file, 0o644)
  expect(asOrdinaryUser(path.dirname(file), names)).toEqual(['first'])
})

test('a file that was missing for a moment is read when a copy with the former time takes its place', () => {
  const { file, names } = watch(list('first'))
  const kept = `${file}.kept`
  copyFileSync(file, kept)
  rmSync(file)
  expect(names()).toEqual(['first'])
  writeFileSync(file, '[]')
  expect(names()).toEqual([])
  renameSync(kept, file)
  expect(names()).toEqual(['first'])
})

test('the byte order mark of an editor is no mistake, and other encodings are told', () => {
  const { file, names } = watch(list('first'))
  writeFileSync(file, `\uFEFF${list('other')}`)
  expect(names()).toEqual(['other'])
  expect(readTokens(file)).toHaveLength(1)
  writeFileSync(file, list('third'), 'utf16le')
  expect(() => readTokens(file)).toThrow('must be JSON in UTF-8')
})

test('the log repeats each minute that the file is unusable, and health tells of it after ten seconds', () => {
  const { file, tokens, said } = watch(list('first'))
  expect(tokens.health()).toEqual({ status: 'ok', tokens: 1 })
  rmSync(file)
  for (let second = 0; second < 8; second++) {
    vi.advanceTimersByTime(1_001)
    expect(tokens.health().status).toBe('ok')
  }
  expect(said).toHaveLength(1)
  vi.advanceTimersByTime(10_000)
  expect(tokens.health()).toMatchObject({ status: 'degraded', detail: expect.stringContaining('revoked') })
  expect(said).toHaveLength(1)
  vi.advanceTimersByTime(60_000)
  tokens.entries()
  expect(said).toHaveLength(2)
  writeFileSync(file, '[]')
  vi.advanceTimersByTime(1_001)
  expect(tokens.health()).toEqual({ status: 'ok', tokens: 0 })
})

test('/health and /readyz report the check of the tokens file', async () => {
  vi.useRealTimers()
  const file = path.join(temporaryFolder(), 'tokens.json')
  writeFileSync(file, list('first'))
  const env = {
    VIEWRA_EVENTS_PORT: '0',
    VIEWRA_EVENTS_DATABASE_URL: 'memory:',
    VIEWRA_EVENTS_TOKENS_FILE: file,
  }
  const server = new ServerProcess(env)
  const health = await fetch(`${await server.url()}/api/v1/events/health`)
  expect(await health.json()).toMatchObject({ status: 'ok', checks: { tokens: { status: 'ok', tokens: 1 } } })
})

test.skipIf(process.platform === 'win32')('a file that is none is refused, and hangs nobody', async () => {
  const pipe = path.join(temporaryFolder(), 'tokens.json')
  execFileSync('mkfifo', [pipe])
  for (const file of [pipe, '/dev/zero', temporaryFolder()]) {
    expect(() => readTokens(file)).toThrow(/regular file/)
  }
  const exit = await new ServerProcess({ VIEWRA_EVENTS_TOKENS_FILE: pipe }).exit
  expect(exit).toMatchObject({ code: 2, stderr: expect.stringContaining('must be a regular file') })
})

/** Root may read whatever its mode says. */
function asOrdinaryUser<T>(folder: string, work: () => T): T {
  if (process.getuid?.() !== 0) return work()
  chmodSync(folder, 0o755)
  process.seteuid?.(65_534)
  try {
    return work()
  } finally {
    process.seteuid?.(0)
  }
}
