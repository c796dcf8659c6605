import { parseArgs } from 'node:util'

export const USAGE = `Usage: library-scanner <directory> [options]

Walks a directory tree and publishes what it finds as events.

Options:
  --url <url>          publish through the HTTP API of an event server (http://127.0.0.1:8080 by default)
  --database <url>     publish directly into a store: sqlite:<path>, or memory: to try it out
  --library-id <n>     number of the library that the files belong to (1 by default)
  --concurrency <n>    files that are read and published at the same time, 1 to 256 (16 by default)
  --help               print this text

Exit codes: 0 scan completed, 1 scan failed, 2 wrong usage, 130 interrupted`

export type Target =
  | { readonly kind: 'http'; readonly url: URL }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'memory' }

export interface Settings {
  readonly directory: string
  readonly target: Target
  readonly libraryId: number
  readonly concurrency: number
}

/** Thrown when the command line is invalid; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * @param args the arguments after the program's name
 * @throws UsageError
 */
export function parseCommandLine(args: readonly string[]): Settings | 'help' {
  const { values, positionals } = parsed(args)
  if (values.help) return 'help'
  const [directory, ...rest] = positionals
  if (!directory) throw new UsageError('Name the directory to scan')
  if (rest.length > 0) throw new UsageError(`Name one directory, not ${positionals.length}`)
  return {
    directory,
    target: targetOf(values.url, values.database),
    libraryId: integer('--library-id', values['library-id'], 0, Number.MAX_SAFE_INTEGER),
    concurrency: integer('--concurrency', values.concurrency, 1, 256),
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        database: { type: 'string' },
        'library-id': { type: 'string', default: '1' },
        concurrency: { type: 'string', default: '16' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    // Node's messages are written for users: "Unknown option '--x'".
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function targetOf(url: string | undefined, database: string | undefined): Target {
  if (database === undefined) return { kind: 'http', url: serverUrl(url ?? 'http://127.0.0.1:8080') }
  if (url !== undefined) throw new UsageError('Give --url or --database, not both')
  if (database === 'memory:') return { kind: 'memory' }
  const path = /^sqlite:(.+)$/s.exec(database)?.[1]
  if (path === undefined)
    throw new UsageError(`--database must be sqlite:<path> or memory:, not '${database}'`)
  return { kind: 'sqlite', path }
}

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(`--url must be like http://127.0.0.1:8080, not '${text}'`)
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError('--url must have no user, password, query or fragment')
  }
  return url
}

/** @throws UsageError */
export function integer(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${option} must be an integer from ${min} to ${max}, not '${text}'`)
}
