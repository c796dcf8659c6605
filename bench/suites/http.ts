// What HTTP costs: the module's routes against bare routes of the same framework, with the load from this process.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createEventBus, type EventBus } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { type Contender, Contest, type Figures } from '../harness/contest.ts'
import { eventAt } from '../harness/events.ts'
import { publishers } from '../harness/publishers.ts'
import { load, requestText } from '../harness/raw-http.ts'
import type { Report } from '../harness/report.ts'
import type { Settings } from '../harness/settings.ts'
import { withDirectory } from '../harness/temporary.ts'
import type { Ports } from './http/server.ts'

const PATH = '/api/v1/events'
const CONNECTIONS = 32
const ROUND_MS = 600
const BATCH = 100
/** Requests prepared in advance, which are sent in turn. */
const REQUESTS = 1_000

type Server = keyof Ports

export async function suite(report: Report, settings: Settings): Promise<void> {
  await withDirectory(async (directory) => {
    const arguments_ = [join(directory, 'events.db')]
    const child = fork(new URL('http/server.ts', import.meta.url), arguments_, {
      execArgv: ['--conditions=@viewra/source'],
    })
    const [ports]: Ports[] = await once(child, 'message')
    if (ports === undefined) throw new Error('the servers reported no ports')
    const target = new Target(child, ports)
    await publish(report, settings, target)
    await publishBatches(report, settings, target, join(directory, 'in-process.db'))
    await list(report, settings, target)
    const exited = once(child, 'exit')
    child.disconnect()
    await exited
  })
}

/** The servers in the other process, and their processor time. */
class Target {
  readonly #child: ChildProcess
  readonly #ports: Ports

  constructor(child: ChildProcess, ports: Ports) {
    this.#child = child
    this.#ports = ports
  }

  /** Runs one round of requests to one of them. */
  contender(name: string, server: Server, requests: readonly string[]): Contender {
    let at = 0
    const next = () => requests[at++ % requests.length] ?? ''
    return { name, round: () => this.#round(this.#ports[server], next) }
  }

  async #round(port: number, next: () => string): Promise<Figures> {
    const before = await this.#cpu()
    const began = performance.now()
    const figures = await load(port, CONNECTIONS, ROUND_MS, next)
    const requests = ((figures['requests/s'] ?? 0) * (performance.now() - began)) / 1_000
    return { ...figures, 'server µs/request': ((await this.#cpu()) - before) / requests }
  }

  async #cpu(): Promise<number> {
    this.#child.send('cpu')
    const [usage]: NodeJS.CpuUsage[] = await once(this.#child, 'message')
    return usage === undefined ? Number.NaN : usage.user + usage.system
  }
}

async function publish(report: Report, { rounds }: Settings, target: Target): Promise<void> {
  const requests = Array.from({ length: REQUESTS }, (_, n) => post(PATH, eventAt(n)))
  const contest = await Contest.run({
    title: `publish, ${CONNECTIONS} connections`,
    contenders: [
      target.contender('bare route', 'bare', requests),
      target.contender('viewra, memory', 'memory', requests),
      target.contender('viewra, SQLite', 'sqlite', requests),
    ],
    rounds,
  })
  report.add(contest)
  report.target(
    'publish, memory, relative to the bare route',
    contest.ratio('viewra, memory', 'bare route'),
    {
      atLeast: 0.6,
    },
  )
  report.target(
    'publish, SQLite, relative to the bare route',
    contest.ratio('viewra, SQLite', 'bare route'),
    {
      atLeast: 0.4,
    },
  )
}

async function publishBatches(
  report: Report,
  { rounds }: Settings,
  target: Target,
  path: string,
): Promise<void> {
  const requests = Array.from({ length: REQUESTS / 10 }, (_, n) => post(`${PATH}/batch`, eventsFrom(n)))
  const buses = { memory: createEventBus(), SQLite: createEventBus({ storage: sqliteStorage({ path }) }) }
  for (const bus of Object.values(buses)) await bus.start()
  const contest = await Contest.run({
    title: `batches of ${BATCH}`,
    contenders: [
      inProcess('memory', buses.memory),
      inProcess('SQLite', buses.SQLite),
      target.contender('bare route', 'bare', requests),
      target.contender('viewra, memory', 'memory', requests),
      target.contender('viewra, SQLite', 'sqlite', requests),
    ],
    rounds,
  })
  for (const bus of Object.values(buses)) await bus.stop()
  report.add(contest)
  for (const store of Object.keys(buses)) {
    const ratio = contest.ratio(`viewra, ${store}`, `publishMany, ${store}, in process`)
    report.target(`batches, ${store}, relative to publishMany`, ratio, { atLeast: 0.7 })
  }
}

/** As many callers as the others have connections, in the same unit: a batch is a request. */
function inProcess(store: string, bus: EventBus): Contender {
  const round = async (): Promise<Figures> => {
    const { 'events/s': batches = 0, ...others } = await publishers(CONNECTIONS, (n) =>
      bus.publishMany(eventsFrom(n)),
    )
    return { 'requests/s': batches, ...others }
  }
  return { name: `publishMany, ${store}, in process`, round }
}

async function list(report: Report, { rounds }: Settings, target: Target): Promise<void> {
  const requests = [requestText('GET', `${PATH}?limit=50`)]
  const bareRequests = [requestText('GET', PATH)]
  const contest = await Contest.run({
    title: 'list of 50 with exact total',
    contenders: [
      target.contender('bare route, page prepared in advance', 'bare', bareRequests),
      target.contender('viewra, memory', 'memory', requests),
      target.contender('viewra, SQLite', 'sqlite', requests),
    ],
    rounds,
  })
  report.add(contest)
}

function eventsFrom(n: number) {
  return Array.from({ length: BATCH }, (_, index) => eventAt(n * BATCH + index))
}

function post(path: string, body: unknown): string {
  return requestText('POST', path, JSON.stringify(body))
}
