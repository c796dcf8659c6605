// What it costs to deliver an event to many clients: the module's streams and sockets against sockets to which one
// prepared buffer is written. The clients are in this process, the servers in another.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, Contest, type Figures } from '../harness/contest.ts'
import { requestText } from '../harness/raw-http.ts'
import type { Report } from '../harness/report.ts'
import type { Settings } from '../harness/settings.ts'
import { Clients, type Step } from './fanout/clients.ts'
import type { Command, Ports } from './fanout/server.ts'

const CLIENTS = 1_000
const ROUND_MS = 1_000
/** Between two bursts, the same for all: writing to a sleeping client costs more. */
const PERIOD_MS = 25
/** Events published at once, so that the module may write them in one piece. */
const BURST = 10
const PATH = '/api/v1/events'

interface Way {
  readonly name: string
  readonly to: 'sse' | 'websocket'
  readonly steps: readonly Step[]
  /** Whether a text ends with a complete frame. */
  readonly ends: Step['isAnswered']
}

const SSE: Way = {
  name: 'SSE',
  to: 'sse',
  steps: [
    {
      sends: requestText('GET', `${PATH}/stream`),
      isAnswered: (text) => text.includes('"type":"connected"') && endsFrame(text),
    },
  ],
  ends: endsFrame,
}

const WEBSOCKET: Way = {
  name: 'WebSocket',
  to: 'websocket',
  steps: [
    {
      sends:
        `GET ${PATH}/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      isAnswered: (text) => text.endsWith('\r\n\r\n'),
    },
    {
      sends: maskedFrame('{"type":"subscribe","id":"s"}'),
      isAnswered: (text) => text.includes('"type":"caught_up"') && text.endsWith('}'),
    },
  ],
  ends: (text) => text.endsWith('}'),
}

export async function suite(report: Report, settings: Settings): Promise<void> {
  const child = fork(new URL('fanout/server.ts', import.meta.url), {
    execArgv: ['--conditions=@viewra/source'],
  })
  const [ports]: Ports[] = await once(child, 'message')
  if (ports === undefined) throw new Error('the servers reported no ports')
  const server = new Server(child)
  const bare = await Clients.connect(ports.limit, CLIENTS, [])
  for (const way of [SSE, WEBSOCKET]) {
    const clients = await Clients.connect(ports[way.to], CLIENTS, way.steps)
    await measure(new Target(way, server, clients, bare), report, settings)
    clients.close()
  }
  bare.close()
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}

async function measure(target: Target, report: Report, { rounds }: Settings): Promise<void> {
  const { name } = target.way
  const one = await target.sample(1)
  const burst = await target.sample(BURST)
  const perEvent = 'one write per event'
  const forAll = `one write for all ${BURST}`
  const single = await Contest.run({
    title: `${name}, ${CLIENTS} clients, one event at a time: per second of the server’s processor`,
    contenders: [target.limit(perEvent, 1, one, 1), target.viewra(1, one)],
    rounds,
  })
  const many = await Contest.run({
    title: `${name}, ${CLIENTS} clients, ${BURST} events at once: per second of the server’s processor`,
    contenders: [
      target.limit(forAll, BURST, burst, 1),
      target.limit(perEvent, BURST, one, BURST),
      target.viewra(BURST, burst),
    ],
    rounds,
  })
  report.add(single)
  report.add(many)
  const bound = { atLeast: 0.8 }
  report.target(`${name}, one event, relative to one write`, single.ratio('viewra', perEvent), bound)
  report.target(
    `${name}, ${BURST} events, relative to one write for all`,
    many.ratio('viewra', forAll),
    bound,
  )
}

/** One of the module's transports with its clients, and the clients of the bare sockets. */
class Target {
  readonly way: Way
  readonly #server: Server
  readonly #clients: Clients
  readonly #bare: Clients

  constructor(way: Way, server: Server, clients: Clients, bare: Clients) {
    this.way = way
    this.#server = server
    this.#clients = clients
    this.#bare = bare
  }

  /** Returns what a client gets when this many events are published at once. */
  sample(events: number): Promise<Buffer> {
    const { to, ends } = this.way
    return this.#clients.read(
      () => this.#server.send({ kind: 'publish', to, events }),
      (text) => text.split('"type":"event"').length > events && ends(text),
    )
  }

  viewra(events: number, sample: Buffer): Contender {
    const command = { kind: 'publish', to: this.way.to, events } as const
    return {
      name: 'viewra',
      round: () => this.#server.round(this.#clients, events, sample.length, command),
    }
  }

  limit(name: string, events: number, buffer: Buffer, times: number): Contender {
    return {
      name,
      round: () => {
        this.#server.send({ kind: 'buffer', base64: buffer.toString('base64') })
        return this.#server.round(this.#bare, events, times * buffer.length, { kind: 'write', times })
      },
    }
  }
}

/** The servers in the other process. */
class Server {
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
  }

  send(command: Command): void {
    this.#child.send(command)
  }

  /** Sends the command again and again, each time when all clients have what it sent. */
  async round(clients: Clients, events: number, bytesEach: number, command: Command): Promise<Figures> {
    const before = await this.#cpu()
    const began = performance.now()
    let deliveries = 0
    let bursts = 0
    while (performance.now() - began < ROUND_MS) {
      await clients.receive(bytesEach, () => this.send(command))
      deliveries += events * CLIENTS
      await sleep(Math.max(0, began + ++bursts * PERIOD_MS - performance.now()))
    }
    const seconds = (performance.now() - began) / 1_000
    const cpu = (await this.#cpu()) - before
    return {
      'deliveries/CPU s': (deliveries / cpu) * 1e6,
      'server µs/delivery': cpu / deliveries,
      'deliveries/s': deliveries / seconds,
    }
  }

  async #cpu(): Promise<number> {
    this.send({ kind: 'cpu' })
    const [usage]: NodeJS.CpuUsage[] = await once(this.#child, 'message')
    return usage === undefined ? Number.NaN : usage.user + usage.system
  }
}

/** Matches server-sent events, whatever the transfer coding. */
function endsFrame(text: string): boolean {
  return /\n\n(\r\n)?$/.test(text)
}

/** Builds a frame of up to 125 bytes, masked with zeros. */
function maskedFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}
