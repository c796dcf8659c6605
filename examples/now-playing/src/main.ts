import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus, createStorage, type EventStorage, type Logger } from '@viewra/events-core'
import { parseCommandLine, type Settings, USAGE, UsageError } from './cli.ts'
import { readSessions } from './read-sessions.ts'
import { Screen } from './screen.ts'
import { nowPlaying } from './sessions.ts'

const EXIT = { ok: 0, failed: 1, usage: 2 } as const
const EXIT_BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
const LOOK_MS = 250

/** Prints the bus's log lines, such as invalid events and an unavailable store. */
const LOGGER: Logger = {
  info: () => {},
  warn: (details, message) => complain(`${message}${reasonIn(details)}`),
  error: (details, message) => complain(`${message}${reasonIn(details)}`),
}

// The reader of the output may close it before the end, which is no reason to stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await main(process.argv.slice(2))

/** Runs the program and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const settings = parseCommandLine(args, process.env)
    if (settings === 'help') process.stdout.write(`${USAGE}\n`)
    else await run(settings)
    return EXIT.ok
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error))
    if (!(error instanceof UsageError)) return EXIT.failed
    complain('--help shows its usage')
    return EXIT.usage
  }
}

async function run({ database, ...options }: Settings): Promise<void> {
  const asked = stopRequest()
  const storage = await createStorage(database)
  const worker = nowPlaying(options)
  const bus = createEventBus({ storage, logger: LOGGER, workers: [worker] })
  await bus.start()
  try {
    await showUntil(asked, storage, worker.name)
  } finally {
    await bus.stop()
  }
}

/** Shows the sessions in the store, whichever process has computed them: several programs may show them at once. */
async function showUntil(asked: AbortSignal, storage: EventStorage, name: string): Promise<void> {
  const screen = new Screen(process.stdout)
  let complaint = ''
  while (!asked.aborted) {
    try {
      screen.show(await readSessions(storage, name))
      complaint = ''
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reason !== complaint) complain(`Cannot read the sessions; retrying: ${reason}`)
      complaint = reason
    }
    await sleep(LOOK_MS, undefined, { signal: asked }).catch(() => undefined)
  }
}

/** Returns a signal that aborts on the first Ctrl-C or other termination signal; a second one ends the process at once. */
function stopRequest(): AbortSignal {
  const controller = new AbortController()
  for (const [signal, exitCode] of Object.entries(EXIT_BY_SIGNAL)) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCode)
      controller.abort()
    })
  }
  return controller.signal
}

function reasonIn(details: object): string {
  return 'err' in details && details.err instanceof Error ? `: ${details.err.message}` : ''
}

function complain(line: string): void {
  process.stderr.write(`now-playing: ${line}\n`)
}
