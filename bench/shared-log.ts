// Measures how long an event posted to one server takes to arrive in another's stream, both on one PostgreSQL:
//   npm run bench:shared-log -- [events]
// Prints it beside the limit, measured in turn with it: a bare NOTIFY from one session to another that listens.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { PostgresServer } from '@viewra/postgres-server'
import pg from 'pg'

const EVENTS = Number(process.argv[2] ?? 300)
const MAIN = new URL('../apps/server/src/main.ts', import.meta.url).pathname

const postgres = await PostgresServer.start()
const children: ChildProcess[] = []
try {
  const [first, second] = await Promise.all([startServer(), startServer()])
  const stream = await openStream(`${second}/api/v1/events/stream?types=info`)
  const listener = await connected()
  const notifier = await connected()
  await listener.query('listen bench')
  const streamed: number[] = []
  const notified: number[] = []
  for (let i = 0; i < EVENTS; i++) {
    streamed.push(await timed(once(stream, 'event'), () => post(first, `title ${i}`)))
    notified.push(await timed(once(listener, 'notification'), () => notifier.query('notify bench')))
  }
  await Promise.all([listener.end(), notifier.end()])
  const [ours, limit] = [streamed, notified].map(quantiles)
  console.table({ 'post to one, stream of the other': ours, 'bare NOTIFY': limit })
  console.log(`median ratio ${((ours?.p50 ?? 0) / (limit?.p50 ?? 1)).toFixed(1)}`)
} finally {
  for (const child of children) child.kill('SIGKILL')
  await postgres.stop()
}
process.exit()

async function startServer(): Promise<string> {
  const env = { ...process.env, VIEWRA_EVENTS_PORT: '0', VIEWRA_EVENTS_DATABASE_URL: postgres.url }
  const child = spawn(process.execPath, ['--conditions=@viewra/source', MAIN], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  const [line] = await once(child.stdout, 'data')
  return /http:\S+/.exec(String(line))?.[0] ?? ''
}

async function openStream(url: string): Promise<IncomingMessage> {
  const [response]: IncomingMessage[] = await once(get(url), 'response')
  if (response === undefined) throw new Error('no stream')
  response.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('"type":"event"')) response.emit('event')
  })
  return response
}

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  return client
}

async function post(url: string, title: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ type: 'info', source: 'bench', title })
  await (await fetch(`${url}/api/v1/events`, { method: 'POST', headers, body })).text()
}

/** Returns the milliseconds from the start of the work to its effect. */
async function timed(effect: Promise<unknown>, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  const done = effect.then(() => performance.now() - began)
  await work()
  return done
}

function quantiles(times: readonly number[]): { p50: number; p99: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => Number((sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2))
  return { p50: at(0.5), p99: at(0.99) }
}
