import { expect, test } from 'vitest'
import { parseCommandLine, UsageError } from '../src/cli.ts'

test('publishes to a local server by default', () => {
  expect(parseCommandLine(['/music'])).toEqual({
    directory: '/music',
    target: { kind: 'http', url: new URL('http://127.0.0.1:8080') },
    libraryId: 1,
    concurrency: 16,
  })
})

test('accepts every option', () => {
  const args = ['--url', 'https://host/viewra', '--library-id', '7', '--concurrency=4', '/music']
  expect(parseCommandLine(args)).toEqual({
    directory: '/music',
    target: { kind: 'http', url: new URL('https://host/viewra') },
    libraryId: 7,
    concurrency: 4,
  })
  expect(parseCommandLine(['/music', '--database', 'sqlite:./a b.db'])).toMatchObject({
    target: { kind: 'sqlite', path: './a b.db' },
  })
  expect(parseCommandLine(['/music', '--database', 'memory:'])).toMatchObject({ target: { kind: 'memory' } })
  expect(parseCommandLine(['--help'])).toBe('help')
})

test.each([
  [[], 'Name the directory'],
  [['a', 'b'], 'not 2'],
  [['a', '--directory', 'b'], "'--directory'"],
  [['a', '--url'], '--url'],
  [['a', '--url', 'localhost:8080'], 'http://127.0.0.1:8080'],
  [['a', '--url', 'ftp://host'], 'ftp://host'],
  [['a', '--url', 'http://me@host'], 'no user'],
  [['a', '--url', 'http://:secret@host'], 'password'],
  [['a', '--url', 'http://host?x=1'], 'query'],
  [['a', '--url', 'http://host', '--database', 'memory:'], 'not both'],
  [['a', '--database', 'postgres://host'], 'sqlite:<path>'],
  [['a', '--database', 'sqlite:'], 'sqlite:<path>'],
  [['a', '--library-id', 'x'], '--library-id must be an integer'],
  [['a', '--library-id', '1e3'], "not '1e3'"],
  [['a', '--concurrency', '0'], 'from 1 to 256'],
  [['a', '--concurrency', '257'], 'from 1 to 256'],
])('%j is wrong usage, and the message says why', (args, message) => {
  expect(() => parseCommandLine(args)).toThrow(UsageError)
  expect(() => parseCommandLine(args)).toThrow(message)
})
