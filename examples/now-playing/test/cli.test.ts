import { expect, test } from 'vitest'
import { parseCommandLine, UsageError } from '../src/cli.ts'

test('follows by default the store that a server in the same directory uses', () => {
  const database = 'sqlite:./data/events.db'
  expect(parseCommandLine([], {})).toEqual({ database, stalledAfterMs: 60_000, leaseMs: 6_000 })
})

test('takes the store from the environment, where others cannot see a password', () => {
  const env = { VIEWRA_EVENTS_DATABASE_URL: 'postgres://me:secret@db/events' }
  expect(parseCommandLine([], env)).toMatchObject({ database: 'postgres://me:secret@db/events' })
  expect(parseCommandLine(['--database', 'sqlite:a.db'], env)).toMatchObject({ database: 'sqlite:a.db' })
})

test('accepts every option', () => {
  const args = ['--database', 'sqlite:./a b.db', '--stalled-after=9', '--lease-ms', '500']
  expect(parseCommandLine(args, {})).toEqual({
    database: 'sqlite:./a b.db',
    stalledAfterMs: 9_000,
    leaseMs: 500,
  })
  expect(parseCommandLine(['--help'], {})).toBe('help')
})

test.each([
  [['a.db'], 'a.db'],
  [['--database', 'memory:'], 'sqlite:<path>'],
  [['--stalled-after', '0'], 'from 1 to 86400'],
  [['--stalled-after', '1e1'], "not '1e1'"],
  [['--lease-ms', '499'], 'from 500 to 600000'],
])('%j is wrong usage, and the message says why', (args, message) => {
  expect(() => parseCommandLine(args, {})).toThrow(UsageError)
  expect(() => parseCommandLine(args, {})).toThrow(message)
})
