import { expect, test } from 'vitest'
import { parseCommandLine, UsageError } from '../src/cli.ts'

test('follows the store that the server of the same directory uses when nothing else is said', () => {
  const database = 'sqlite:./data/events.db'
  expect(parseCommandLine([], {})).toEqual({ database, concurrency: 4, leaseMs: 6_000 })
})

test('takes the store from the environment, where a password is not seen by others', () => {
  const env = { VIEWRA_EVENTS_DATABASE_URL: 'postgres://me:secret@db/events' }
  expect(parseCommandLine([], env)).toMatchObject({ database: 'postgres://me:secret@db/events' })
  expect(parseCommandLine(['--database', 'sqlite:a.db'], env)).toMatchObject({ database: 'sqlite:a.db' })
})

test('takes every option', () => {
  const args = ['--database', 'sqlite:./a b.db', '--concurrency=9', '--lease-ms', '500']
  expect(parseCommandLine(args, {})).toEqual({ database: 'sqlite:./a b.db', concurrency: 9, leaseMs: 500 })
  expect(parseCommandLine(['--help'], {})).toBe('help')
})

test.each([
  [['a.db'], 'a.db'],
  [['--url', 'x'], "'--url'"],
  [['--database', 'memory:'], 'sqlite:<path>'],
  [['--database', 'sqlite:'], 'sqlite:<path>'],
  [['--database', 'mysql://host'], 'postgres://'],
  [['--concurrency', '0'], 'from 1 to 64'],
  [['--concurrency', '1e1'], "not '1e1'"],
  [['--lease-ms', '499'], 'from 500 to 600000'],
])('%j is wrong usage, and the message says why', (args, message) => {
  expect(() => parseCommandLine(args, {})).toThrow(UsageError)
  expect(() => parseCommandLine(args, {})).toThrow(message)
})

test('a database address is not repeated: it may have a password in it', () => {
  expect(() => parseCommandLine(['--database', 'mysql://me:secret@host'], {})).toThrow(/^(?!.*secret)/)
})
