import { parseCommandLine, type Settings, USAGE, UsageError } from './cli.ts'
import { formatBytes, ProgressLine } from './progress-line.ts'
import { openPublisher } from './publishers/open.ts'
import { INTERRUPTED, type ScanOptions, type ScanReport, scan } from './scan.ts'

const EXIT = { completed: 0, failed: 1, usage: 2 } as const
const EXIT_BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

// The reader of the output may close it before the end, which is no reason to leave a scan unfinished.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await main(process.argv.slice(2))

/** Runs a scan and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const settings = parseCommandLine(args)
    if (settings !== 'help') return await run(settings)
    process.stdout.write(`${USAGE}\n`)
    return EXIT.completed
  } catch (error) {
    process.stderr.write(`library-scanner: ${error instanceof Error ? error.message : String(error)}\n`)
    if (!(error instanceof UsageError)) return EXIT.failed
    process.stderr.write('library-scanner --help shows its usage.\n')
    return EXIT.usage
  }
}

async function run({ target, ...settings }: Settings): Promise<number> {
  const signal = interruption()
  const publisher = await openPublisher(target)
  try {
    return conclude(await scanShown({ ...settings, publisher, signal }), signal)
  } finally {
    await publisher.close()
  }
}

async function scanShown(options: ScanOptions): Promise<ScanReport> {
  const line = new ProgressLine(process.stderr)
  try {
    return await scan({ ...options, onProgress: (progress) => line.show(progress) })
  } finally {
    line.end()
  }
}

/**
 * Returns a signal that aborts on the first Ctrl-C or other termination signal, so that the scan ends in order; a second
 * one ends the process. The abort reason is the exit code.
 */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const [name, exitCode] of Object.entries(EXIT_BY_SIGNAL)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCode)
      controller.abort(exitCode)
    })
  }
  return controller.signal
}

function conclude(report: ScanReport, signal: AbortSignal): number {
  const { published, bytes, errors, skipped, durationMs, failure } = report
  const totals = `${published} files, ${formatBytes(bytes)}, ${errors} errors, ${skipped} skipped, ${(durationMs / 1000).toFixed(1)} s`
  if (failure === undefined) {
    process.stdout.write(`Scan completed: ${totals}\n`)
    return EXIT.completed
  }
  process.stderr.write(`Scan failed: ${failure} (${totals})\n`)
  return failure === INTERRUPTED ? Number(signal.reason) : EXIT.failed
}
