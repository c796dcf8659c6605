// What the packages cost: bytes to load, time to start, memory at rest and per waiting event.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { createEventBus, memoryStorage } from '@viewra/events-core'
import { build, type Metafile, type Plugin } from 'esbuild'
import { type Contender, Contest } from '../harness/contest.ts'
import type { Report } from '../harness/report.ts'
import type { Settings } from '../harness/settings.ts'
import { withDirectory } from '../harness/temporary.ts'

const BUILD = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url))
/** As built: from source, Node would need more time and memory to strip the types. */
const SERVER = fileURLToPath(new URL('../../apps/server/dist/main.js', import.meta.url))
/** Processes are slow to start: fewer rounds suffice. */
const MAX_ROUNDS = 5
const REST_MS = 1_500
/** The file name of core's bundle. */
const CORE = 'core.mjs'
const BUFFERED = 100_000

export async function suite(report: Report, { rounds }: Settings): Promise<void> {
  execFileSync(process.execPath, [BUILD], { stdio: ['ignore', 'ignore', 'inherit'] })
  await withDirectory(async (directory) => {
    await bundle(report, directory, Math.min(rounds, MAX_ROUNDS))
    await server(report, directory, Math.min(rounds, MAX_ROUNDS))
  })
  await bufferedEvents(report, Math.min(rounds, MAX_ROUNDS))
}

async function bundle(report: Report, directory: string, rounds: number): Promise<void> {
  const code = await bundled('export * from "@viewra/events-core"', /\/(sqlite|postgres|memory)\/index\.ts$/)
  const whole = await bundled('export * from "@viewra/events-core"', /\/(sqlite|postgres)\/index\.ts$/)
  report.note(
    `Core with the memory store, bundled, minified and gzipped: ${kilobytes(whole.core).toFixed(1)} KB`,
  )
  const all = kilobytes(code.core) + kilobytes(code.lazy)
  report.note(`Core with what it loads at the first durable subscription: ${all.toFixed(1)} KB`)
  report.target(
    'core bundled, minified and gzipped, without adapters',
    kilobytes(code.core),
    { atMost: 12 },
    ' KB',
  )
  const file = join(directory, CORE)
  for (const { name, text } of whole.files) writeFileSync(join(directory, name), text)
  const contest = await Contest.run({
    title: 'import in a new process',
    contenders: [importing('an empty module', 'data:text/javascript,'), importing('core, bundled', file)],
    rounds,
  })
  report.add(contest)
  const beyond = contest.figure('core, bundled') - contest.figure('an empty module')
  report.target('import of core, beyond an empty module', beyond, { atMost: 20 }, ' ms')
}

interface Bundle {
  readonly files: readonly { readonly name: string; readonly text: string }[]
  /** The files that an import of the entry loads, concatenated. */
  readonly core: string
  /** The files that are loaded when they are first needed. */
  readonly lazy: string
}

/** Bundles an entry of ours. @param left paths to leave out, such as adapters of databases */
async function bundled(entry: string, left: RegExp): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: entry, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    splitting: true,
    metafile: true,
    outdir: '/',
    absWorkingDir: '/',
    entryNames: 'core',
    outExtension: { '.js': '.mjs' },
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['@viewra/source'],
    plugins: [leaving(left)],
  })
  const files = outputFiles.map(({ path, text }) => ({ name: basename(path), text }))
  const loaded = loadedWith(CORE, metafile)
  const textOf = (isCore: boolean) =>
    files.flatMap(({ name, text }) => (loaded.has(name) === isCore ? text : [])).join('')
  return { files, core: textOf(true), lazy: textOf(false) }
}

/** Returns a file and those without which it cannot be loaded. */
function loadedWith(name: string, metafile: Metafile, known: Set<string> = new Set()): ReadonlySet<string> {
  const output = metafile.outputs[name]
  if (known.has(name) || output === undefined) return known
  known.add(name)
  for (const { path, kind } of output.imports)
    if (kind === 'import-statement') loadedWith(path, metafile, known)
  return known
}

function leaving(filter: RegExp): Plugin {
  return {
    name: 'leaving',
    setup: ({ onResolve }) => onResolve({ filter }, ({ path }) => ({ path, external: true })),
  }
}

function kilobytes(code: string): number {
  return gzipSync(code, { level: 9 }).length / 1_024
}

function importing(name: string, specifier: string): Contender {
  const probe = `const began = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - began)`
  const run = () =>
    execFileSync(process.execPath, ['--input-type=module', '--eval', probe], { encoding: 'utf8' })
  return { name, round: async () => ({ ms: Number(run()) }) }
}

async function server(report: Report, directory: string, rounds: number): Promise<void> {
  const contenders = ['memory:', `sqlite:${join(directory, 'events.db')}`].map((database) => ({
    name: `server with ${database.split(':', 1)}`,
    round: () => oneStart(database),
  }))
  const contest = await Contest.run({ title: 'a process of the server', contenders, rounds })
  report.add(contest)
  for (const { name } of contenders) {
    report.target(`${name}: start to first response`, contest.figure(name), { atMost: 1_000 }, ' ms')
    report.target(`${name}: RSS at rest`, contest.figure(name, 'RSS at rest MB'), { atMost: 120 }, ' MB')
  }
}

async function oneStart(database: string) {
  const began = performance.now()
  const env = { ...process.env, VIEWRA_EVENTS_PORT: '0', VIEWRA_EVENTS_DATABASE_URL: database }
  const child = spawn(process.execPath, [SERVER], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const [line] = await once(child.stdout, 'data')
    const url = /http:\S+/.exec(String(line))?.[0]
    await (await fetch(`${url}/api/v1/events`)).text()
    const ms = performance.now() - began
    await sleep(REST_MS)
    return { ms, 'RSS at rest MB': residentMegabytes(child.pid ?? 0) }
  } finally {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }
}

function residentMegabytes(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' })) / 1_024
}

/** Compared with the same events as plain objects with all their fields. */
async function bufferedEvents(report: Report, rounds: number): Promise<void> {
  const contest = await Contest.run({
    title: `heap of ${BUFFERED.toLocaleString('en')} events that wait to be written`,
    contenders: [
      { name: 'the events as plain objects', round: async () => heapOf(plainEvents) },
      { name: 'buffered by publishAsync', round: async () => heapOf(bufferedBus) },
    ],
    rounds,
  })
  report.add(contest)
  const own = contest.figure('the events as plain objects')
  const beyond = contest.figure('buffered by publishAsync') - own
  report.target('heap per buffered event beyond its own data', beyond, { atMost: 1_024 }, ' bytes')
}

async function heapOf(make: () => Promise<unknown>) {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const held = await make()
  globalThis.gc?.()
  const bytes = (process.memoryUsage().heapUsed - before) / BUFFERED
  // Held until here.
  void held
  return { 'bytes per event': bytes }
}

function input(n: number) {
  return {
    type: 'scan.progress',
    source: 'system',
    title: `item ${n}`,
    data: { item_id: n, path: `/media/${n}.mkv` },
  }
}

async function plainEvents(): Promise<unknown> {
  return Array.from({ length: BUFFERED }, (_, n) => ({
    id: `0191f3a0-0000-7000-8000-${String(n).padStart(12, '0')}`,
    ...input(n),
    target: '',
    message: '',
    priority: 5,
    tags: [],
    timestamp: new Date(n).toISOString(),
  }))
}

/** A store that never responds: all but the first batch wait. */
async function bufferedBus(): Promise<unknown> {
  const storage = memoryStorage()
  storage.append = () => new Promise(() => {})
  const bus = createEventBus({ storage, bufferEvents: BUFFERED })
  await bus.start()
  for (let n = 0; n < BUFFERED; n++) bus.publishAsync(input(n))
  return bus
}
