import { parseArgs } from 'node:util'

export const USAGE = `Usage: metadata-enricher [options]

Follows the files that a library scanner finds, reads the tags of audio and video files, and publishes them as events.

Options:
  --database <url>     the store to follow: sqlite:<path> or postgres://user:password@host:5432/database
                       (VIEWRA_EVENTS_DATABASE_URL, or else sqlite:./data/events.db, by default)
  --concurrency <n>    files read at the same time, 1 to 64 (4 by default)
  --lease-ms <n>       milliseconds without a sign of life after which another enricher takes over,
                       500 to 600000 (6000 by default)
  --help               print this text

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage`

export interface Settings {
  /** A URL for `createStorage`. */
  readonly database: string
  readonly concurrency: number
  readonly leaseMs: number
}

/** Thrown when the command line is invalid; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * @param args the arguments after the program's name
 * @param env the environment, to which a URL with a password belongs: all users of a machine can see its command lines
 * @throws UsageError
 */
export function parseCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | 'help' {
  const values = parsed(args)
  if (values.help) return 'help'
  return {
    database: databaseUrl(values.database ?? env.VIEWRA_EVENTS_DATABASE_URL ?? 'sqlite:./data/events.db'),
    concurrency: integer('--concurrency', values.concurrency, 1, 64),
    leaseMs: integer('--lease-ms', values['lease-ms'], 500, 600_000),
  }
}

function parsed(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        database: { type: 'string' },
        concurrency: { type: 'string', default: '4' },
        'lease-ms': { type: 'string', default: '6000' },
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    // Node's messages are written for users: "Unknown option '--x'".
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Rejects a memory store: no other process could publish into it. */
function databaseUrl(url: string): string {
  if (/^(sqlite:.|postgres(ql)?:\/\/)/s.test(url)) return url
  // The URL is not shown: it may contain a password.
  throw new UsageError('--database must be sqlite:<path> or postgres://user:password@host:5432/database')
}

function integer(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${option} must be an integer from ${min} to ${max}, not '${text}'`)
}
