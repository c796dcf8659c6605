import { parseArgs } from 'node:util'
import { integer, UsageError } from './cli.ts'

export const SERVICE_USAGE = `Usage: library-scanner-service [options]

Scans directory trees as jobs: POST /scans starts one, GET /api/v1/events/jobs/<id> shows its progress,
DELETE /api/v1/events/jobs/<id> cancels it. Serves programs on this machine only.

Options:
  --database <url>     the store: sqlite:<path> (sqlite:./data/events.db by default)
  --port <n>           0 to 65535; 0 takes a free one (8081 by default)
  --concurrency <n>    files that are read and published at the same time, 1 to 256 (16 by default)
  --lease-ms <n>       milliseconds without a sign of life after which another process continues a scan,
                       500 to 600000 (6000 by default)
  --help               print this text

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage`

export interface ServiceSettings {
  readonly path: string
  readonly port: number
  readonly concurrency: number
  readonly leaseMs: number
}

/** @throws UsageError */
export function parseServiceOptions(args: readonly string[]): ServiceSettings | 'help' {
  const values = parsed(args)
  if (values.help) return 'help'
  const path = /^sqlite:(.+)$/s.exec(values.database)?.[1]
  if (path === undefined) throw new UsageError(`--database must be sqlite:<path>, not '${values.database}'`)
  return {
    path,
    port: integer('--port', values.port, 0, 65_535),
    concurrency: integer('--concurrency', values.concurrency, 1, 256),
    leaseMs: integer('--lease-ms', values['lease-ms'], 500, 600_000),
  }
}

function parsed(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        database: { type: 'string', default: 'sqlite:./data/events.db' },
        port: { type: 'string', default: '8081' },
        concurrency: { type: 'string', default: '16' },
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
