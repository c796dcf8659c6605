import { createEventBus, createStorage, type Logger } from '@viewra/events-core'
import { parseCommandLine, type Settings, USAGE, UsageError } from './cli.ts'
import { Enricher, SUBSCRIPTION } from './enricher.ts'
import { StatusLines } from './status-lines.ts'
import { describeTally } from './tally.ts'

const EXIT = { ok: 0, failed: 1, usage: 2 } as const
const EXIT_BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
const LOOK_MS = 250

/** Prints the bus's log lines, such as failed attempts and an unavailable store. */
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
    if (settings !== 'help') return await run(settings)
    say(USAGE)
    return EXIT.ok
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error))
    if (!(error instanceof UsageError)) return EXIT.failed
    complain('--help shows its usage')
    return EXIT.usage
  }
}

async function run({ database, concurrency, leaseMs }: Settings): Promise<number> {
  const asked = stopRequest()
  const bus = createEventBus({ storage: await createStorage(database), logger: LOGGER })
  await bus.start()
  try {
    const enricher = new Enricher({ bus, concurrency, leaseMs })
    await enricher.start()
    say(`Following media.file.found in ${placeOf(database)} as '${SUBSCRIPTION}'`)
    const isAsked = await showUntil(enricher, asked)
    await enricher.stop()
    say(`Stopped: ${describeTally(enricher.tally)}`)
    if (!isAsked) complain(`the subscription '${SUBSCRIPTION}' was deleted or renamed by somebody`)
    return isAsked ? EXIT.ok : EXIT.failed
  } finally {
    await bus.stop()
  }
}

/** Shows the status until the program is asked to stop or the subscription ends. Returns true if it was asked. */
async function showUntil(enricher: Enricher, asked: Promise<true>): Promise<boolean> {
  const status = new StatusLines(say)
  const timer = setInterval(() => {
    if (enricher.state !== undefined) status.show(enricher.state, enricher.tally)
  }, LOOK_MS)
  try {
    return await Promise.race([asked, enricher.ended.then(() => false)])
  } finally {
    clearInterval(timer)
  }
}

/** Resolves with the first Ctrl-C or other termination signal; a second one ends the process at once. */
function stopRequest(): Promise<true> {
  const { promise, resolve } = Promise.withResolvers<true>()
  let isStopping = false
  for (const [signal, exitCode] of Object.entries(EXIT_BY_SIGNAL)) {
    process.on(signal, () => {
      if (isStopping) process.exit(exitCode)
      isStopping = true
      resolve(true)
    })
  }
  return promise
}

/** Removes user, password and parameters. */
function placeOf(database: string): string {
  if (database.startsWith('sqlite:')) return database
  const { host, pathname } = new URL(database)
  return `${host}${pathname}`
}

function reasonIn(details: object): string {
  return 'err' in details && details.err instanceof Error ? `: ${details.err.message}` : ''
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function complain(line: string): void {
  process.stderr.write(`metadata-enricher: ${line}\n`)
}
