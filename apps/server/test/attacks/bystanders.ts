import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Client, EVENTS } from './client.ts'

const PAUSE_MS = 50

/** What those saw who used the server meanwhile. */
export interface Sight {
  readonly latencies: readonly number[]
  /** Answers other than those that were expected, and connections that broke. */
  readonly failures: readonly string[]
}

export type Sights = Readonly<Record<'reads' | 'health' | 'publishes', Sight>>

/** Reads, publishes and asks for the health, over and over, until `signal` is aborted. */
export async function watchAsBystanders(client: Client, signal: AbortSignal): Promise<Sights> {
  const viewer = { headers: client.authorization('bystander viewer') }
  const publisher = {
    method: 'POST',
    headers: { ...client.authorization('bystander publisher'), 'content-type': 'application/json' },
  }
  const event = JSON.stringify({ type: 'attack.bystander', source: 'attack' })
  const [reads, health, publishes] = await Promise.all([
    repeat(signal, 200, () => client.ask(`${EVENTS}?limit=50`, viewer)),
    // As a probe asks: over a connection of its own.
    repeat(signal, 200, () => client.ask(`${EVENTS}/health`, { agent: false })),
    repeat(signal, 201, () => client.ask(EVENTS, publisher, event)),
  ])
  return { reads, health, publishes }
}

async function repeat(signal: AbortSignal, expected: number, ask: () => Promise<Answer>): Promise<Sight> {
  const latencies: number[] = []
  const failures: string[] = []
  while (!signal.aborted) {
    try {
      const { status, ms, text } = await ask()
      latencies.push(ms)
      if (status !== expected) failures.push(`${status} ${text}`)
    } catch (error) {
      failures.push(String(error))
    }
    await sleep(PAUSE_MS)
  }
  return { latencies, failures }
}

/** @param share 0.99 for the 99th percentile */
export function percentile(latencies: readonly number[], share: number): number {
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
