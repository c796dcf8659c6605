// Causes random faults for the given time, then compares the observations of the processes with the store: npm run soak --
// --minutes 10 [--store postgres|sqlite] [--seed 1] [--workers 6] Prints its seed; a seed determines the faults, but not
// their timing. Exits with 1 if a guarantee was broken.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { PostgresServer } from '@viewra/postgres-server'
import type { EventStorage } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { Fleet, type Worker, type WorkerOrders } from './fleet.ts'
import { allEvents, judge } from './invariants.ts'
import { seededRandom } from './seeded-random.ts'
import { isProcessed, judgeProcessor } from './soak-processor.ts'
import { TcpProxy } from './tcp-proxy.ts'

/** Ends a worker and starts another one in its place. */
type Replace = (signal: 'SIGKILL' | 'SIGTERM', orders?: Partial<WorkerOrders>) => Promise<void>
type Verdict = Awaited<ReturnType<typeof judge>> & ReturnType<typeof judgeProcessor>
type Fault = (replace: Replace) => Promise<unknown>

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    store: { type: 'string', default: 'postgres' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    workers: { type: 'string', default: '6' },
  },
})
const random = seededRandom(Number(values.seed))
const between = (min: number, max: number) => min + random() * (max - min)
const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
const SCHEMA = 'soak'
const DURABLE = { durable: 'soak', follow: true, process: true, publish: 1e9, pauseMs: 15, handlerMs: 1 }

console.log(`soak: ${values.minutes} min on ${values.store}, ${values.workers} workers, seed ${values.seed}`)
process.exitCode = report(values.store === 'sqlite' ? await soakSqlite() : await soakPostgres())

async function soakPostgres(): Promise<Verdict> {
  const server = await PostgresServer.start()
  const proxy = await TcpProxy.start(server.port)
  const proxied = server.url.replace(`:${server.port}/`, `:${proxy.port}/`)
  const faults: Record<string, Fault> = {
    'crash the server': () => bounce(server, 'SIGKILL'),
    'restart the server': () => bounce(server, 'SIGINT'),
    'end all sessions': () =>
      server.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()'),
    'cut the connections': async () => proxy.cut(),
    'cut an answer': async () => proxy.cutAnswersAfter(Math.floor(between(0, 600))),
    'freeze the network': async () => {
      proxy.freeze()
      await sleep(between(500, 3_000))
      proxy.thaw()
      // A side that is still connected must learn that the other gave up during the freeze.
      proxy.cut()
    },
  }
  try {
    const open = () => postgresStorage({ url: server.url, schema: SCHEMA })
    return await soak(new Fleet({ url: proxied, schema: SCHEMA }), faults, open, () => proxy.mend())
  } finally {
    await proxy.stop()
    await server.stop()
  }
}

async function soakSqlite(): Promise<Verdict> {
  const directory = mkdtempSync(join(tmpdir(), 'viewra-soak-'))
  const path = join(directory, 'events.db')
  try {
    return await soak(
      new Fleet({ url: path, schema: SCHEMA }),
      { 'fill the disk of a worker': (replace) => replace('SIGTERM', { maxBytes: 2 ** 20 }) },
      () => sqliteStorage({ path }),
      () => undefined,
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function bounce(server: PostgresServer, signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
  await server.end(signal)
  await sleep(between(0, 2_000))
  await server.startAgain()
}

async function soak(
  fleet: Fleet,
  faultsOfStore: Readonly<Record<string, Fault>>,
  openStorage: () => EventStorage,
  mend: () => void,
): Promise<Verdict> {
  const workers = Array.from({ length: Number(values.workers) }, () => fleet.start(DURABLE))
  const counts = new Map<string, number>()
  const faults = Object.entries({ ...faultsOfStore, ...workerFaults(workers) })
  const replace: Replace = async (signal, orders) => {
    const at = Math.floor(random() * workers.length)
    await workers[at]?.end(signal)
    await sleep(between(0, 500))
    workers[at] = fleet.start({ ...DURABLE, ...orders })
    if (orders === undefined) return
    await sleep(between(1_500, 5_000))
    await workers[at]?.end('SIGKILL')
    workers[at] = fleet.start(DURABLE)
  }
  try {
    const until = Date.now() + Number(values.minutes) * 60_000
    while (Date.now() < until) {
      await sleep(between(200, 2_500))
      const [name = '', fault] = pick(faults) ?? []
      counts.set(name, (counts.get(name) ?? 0) + 1)
      await fault?.(replace)
      revive(fleet, workers)
    }
    console.log('faults:', Object.fromEntries(counts))
    mend()
    return await settle(fleet, openStorage())
  } finally {
    await fleet.remove()
  }
}

function workerFaults(workers: readonly Worker[]): Record<string, Fault> {
  const freeze = async () => {
    const worker = pick(workers)
    worker?.signal('SIGSTOP')
    await sleep(between(500, 4_000))
    worker?.signal('SIGCONT')
  }
  return {
    'kill a worker': (replace) => replace('SIGKILL'),
    'stop a worker': (replace) => replace('SIGTERM'),
    'freeze a worker': freeze,
  }
}

/** A worker that found no store when it started exits with 3; any other exit is a fault of the bus. */
function revive(fleet: Fleet, workers: Worker[]): void {
  for (const [at, worker] of workers.entries()) {
    if (worker.isRunning) continue
    if (worker.errors !== '') throw new Error(`worker ${worker.name} crashed: ${worker.errors}`)
    workers[at] = fleet.start(DURABLE)
  }
}

async function settle(fleet: Fleet, storage: EventStorage): Promise<Verdict> {
  await fleet.end('SIGTERM')
  const last = fleet.start({ durable: DURABLE.durable, process: true })
  await last.said('started')
  await storage.open()
  try {
    const behind = async () => {
      const [states, head] = await Promise.all([storage.subscriptions.list(), storage.head()])
      const soak = states.find(({ name }) => name === DURABLE.durable)
      return head.position - (soak?.position ?? 0)
    }
    const { position } = await storage.head()
    while (!(await isProcessed(storage, position)) || (await behind()) > 0) await sleep(200)
    await last.end('SIGTERM')
    return { ...(await judge(storage, fleet.reports())), ...judgeProcessor(await allEvents(storage)) }
  } finally {
    await storage.close()
  }
}

function report(verdict: Verdict): number {
  const { lost, holes, outOfOrder, unhandled, lostOutputs, extraOutputs, ...figures } = verdict
  const broken = { lost, holes, outOfOrder, unhandled, lostOutputs, extraOutputs }
  const numbers = Object.entries(broken).map(([name, list]) => [name, list.length] as const)
  console.log({ ...figures, ...Object.fromEntries(numbers) })
  for (const [name, list] of Object.entries(broken)) if (list.length > 0) console.log(name, list.slice(0, 20))
  return verdict.doubled > 0 || numbers.some(([, count]) => count > 0) ? 1 : 0
}
