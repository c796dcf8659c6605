#!/usr/bin/env node
import process from 'node:process'
import manifest from '../package.json' with { type: 'json' }
import { tokenCommand } from './cli/token.ts'
import { UsageError } from './cli/token-edit.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { helpText } from './config-reference.ts'
import { openStore } from './open-store.ts'
import type { EventServer } from './server.ts'
import { StartError } from './start-problem.ts'
import { unexpectedError } from './unexpected-errors.ts'

const EXIT = { ok: 0, failed: 1, misused: 2 } as const

// Whoever reads our output may be gone before us; that must not keep the rest from being stored.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exit(await run(process.argv.slice(2)))

async function run(args: readonly string[]): Promise<number> {
  // npm only warns of an old one, and what fails then tells of anything else.
  if (Number.parseInt(process.versions.node, 10) < 22) {
    console.error(`This needs Node 22.18 or newer, and runs on Node ${process.versions.node}.`)
    return EXIT.failed
  }
  if (args[0] === 'token') return manageTokens(args.slice(1))
  switch (args.join(' ')) {
    case '':
      return serve()
    case '--help':
    case '-h':
      console.log(helpText())
      return EXIT.ok
    case '--version':
      console.log(manifest.version)
      return EXIT.ok
    default:
      console.error(`Unknown arguments: ${args.join(' ')}. There are token, --help and --version.`)
      return EXIT.misused
  }
}

/** Standard output has what programs want of it, and nothing else. */
async function manageTokens(args: readonly string[]): Promise<number> {
  try {
    const { output, note } = await tokenCommand(args, process.env)
    if (note !== '') console.error(note)
    if (output !== '') console.log(output)
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(error.message)
    return EXIT.misused
  }
}

async function serve(): Promise<number> {
  const asked = stopRequest()
  try {
    const config = readConfig(process.env, process.cwd())
    const { server, url } = await startedBefore(asked, start(config))
    console.log(`Viewra events listening on ${url} — data ${config.database.place}`)
    const reason = await Promise.race([asked, unexpectedError(server.log)])
    const isDone = await server.stop(reason ?? 'an unexpected error')
    return isDone && reason !== undefined ? EXIT.ok : EXIT.failed
  } catch (error) {
    if (error instanceof ConfigError) {
      console.error(`Wrong configuration (--help lists the variables):\n${error.message}`)
      return EXIT.misused
    }
    if (error instanceof StartError) {
      console.error(error.message)
      return EXIT.failed
    }
    throw error
  }
}

interface Started {
  readonly server: EventServer
  readonly url: string
}

/** The store is opened, by threads of its own where it is a file, while the rest of the program is loaded. */
async function start(config: Config): Promise<Started> {
  const [storage, { EventServer }] = await Promise.all([openStore(config), import('./server.ts')])
  const options = { config, version: manifest.version, logStream: process.stderr }
  const server = new EventServer(options, storage)
  return { server, url: await server.start() }
}

/** A start that hangs, on a file system that does not answer for one, must not outlive who asked for it. */
async function startedBefore(asked: Promise<string>, starting: Promise<Started>): Promise<Started> {
  let isStarting = true
  void asked.then(() => {
    if (isStarting) process.exit(EXIT.failed)
  })
  const started = await starting
  isStarting = false
  return started
}

/** Resolves with the reason when the process is first asked to stop; a second signal ends it on the spot. */
function stopRequest(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let stopping = false
  for (const [signal, exitCode] of Object.entries({ SIGHUP: 129, SIGINT: 130, SIGTERM: 143 })) {
    process.on(signal, () => {
      if (stopping) process.exit(exitCode)
      stopping = true
      resolve(signal)
    })
  }
  // `npm start` keeps a channel open for as long as it lives.
  process.once('disconnect', () => resolve('its launcher is gone'))
  return promise
}
