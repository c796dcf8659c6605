// Attacks the real server with each of the attacks, while others use it; prints what they saw as a table.
// Usage: node --conditions=@viewra/source main.ts [--seconds 60] [--store sqlite|postgres|both] [--only <text>] [--events 300000]
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { PostgresServer } from '@viewra/postgres-server'
import { ATTACKS } from './attacks.ts'
import { percentile, type Sight, watchAsBystanders } from './bystanders.ts'
import { Target } from './target.ts'

const option = { type: 'string' } as const
const { values } = parseArgs({ options: { seconds: option, store: option, only: option, events: option } })
const SECONDS = Number(values.seconds ?? 60)
const EVENTS_BEFORE = Number(values.events ?? 300_000)
const MAX_MS = 250

const stores = values.store === undefined || values.store === 'both' ? ['sqlite', 'postgres'] : [values.store]
let failed = 0
for (const store of stores) await attackStore(store)
process.exitCode = failed === 0 ? 0 : 1

async function attackStore(store: string): Promise<void> {
  const postgres = store === 'postgres' ? await PostgresServer.start({ jit: 'on' }) : undefined
  const target = await Target.start(postgres?.url)
  try {
    await target.fill(EVENTS_BEFORE)
    console.log(
      `\n${store}, ${EVENTS_BEFORE} events, ${SECONDS} s each; milliseconds as p50/p99/max, failures`,
    )
    for (const name of ['no attack', ...Object.keys(ATTACKS)]) {
      if (name.includes(values.only ?? '')) await measure(target, name)
    }
    console.log(`log: ${target.logBytes} bytes; greatest memory: ${target.residentMb} MB`)
    console.log(`exit code at SIGTERM: ${await target.stop()}`)
  } finally {
    await target.stop('SIGKILL')
    await postgres?.stop()
  }
}

async function measure(target: Target, name: string): Promise<void> {
  const ms = SECONDS * 1_000
  const { port, tokens } = target.client
  const attacker = new Worker(new URL('./attacker.ts', import.meta.url), {
    workerData: { name, port, tokens, ms },
  })
  await once(attacker, 'online')
  const { reads, health, publishes } = await watchAsBystanders(target.client, AbortSignal.timeout(ms))
  await attacker.terminate()
  const sights = [reads, health, publishes]
  const isFine = target.isRunning && sights.every(isGood)
  if (!isFine) failed += 1
  console.log(
    [
      isFine ? 'ok  ' : 'FAIL',
      name.padEnd(36),
      ...['reads', 'health', 'publishes'].map((what, index) => `${what} ${shown(sights[index])}`.padEnd(34)),
      target.isRunning ? `${target.residentMb} MB` : 'ENDED',
    ].join(' '),
  )
  const failures = sights.flatMap((sight) => sight.failures)
  if (failures[0] !== undefined) console.log(`       ${failures[0].slice(0, 200)}`)
}

function isGood({ latencies, failures }: Sight): boolean {
  return failures.length === 0 && percentile(latencies, 0.99) <= MAX_MS
}

function shown(sight: Sight | undefined): string {
  const { latencies, failures } = sight ?? { latencies: [], failures: [] }
  const figures = [0.5, 0.99, 1].map((share) => percentile(latencies, share).toFixed(0))
  return `${figures.join('/')}, ${failures.length} of ${latencies.length}`
}
