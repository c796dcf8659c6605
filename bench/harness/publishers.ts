import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Figures, quantile } from './contest.ts'

/** How long a round lasts: some publishers start waiting together, so many of them need longer. */
const ROUND_MS = 700
const MANY = 1_000
const MANY_ROUND_MS = 1_500

/**
 * Runs publishers in parallel for one round; each waits for its acknowledgement before it publishes its next
 * event.
 * @param publish publishes the n-th event overall
 */
export async function publishers(count: number, publish: (n: number) => Promise<unknown>): Promise<Figures> {
  const latencies: number[] = []
  const loop = monitorEventLoopDelay({ resolution: 1 })
  const began = performance.now()
  const until = began + (count < MANY ? ROUND_MS : MANY_ROUND_MS)
  loop.enable()
  const publisher = async () => {
    for (let now = performance.now(); now < until; ) {
      await publish(next++)
      const then = performance.now()
      latencies.push(then - now)
      now = then
    }
  }
  await Promise.all(Array.from({ length: count }, publisher))
  loop.disable()
  const seconds = (performance.now() - began) / 1_000
  return {
    'events/s': latencies.length / seconds,
    'p50 ms': quantile(latencies, 0.5),
    'p99 ms': quantile(latencies, 0.99),
    'loop p99 ms': loop.percentile(99) / 1e6,
  }
}

let next = 0

/** Writes batches one after the other for one round. @param write stores the events from the n-th on */
export async function batches(
  size: number,
  write: (n: number) => Promise<unknown> | unknown,
): Promise<Figures> {
  const latencies: number[] = []
  const began = performance.now()
  const until = began + ROUND_MS
  for (let now = began; now < until; ) {
    await write(next)
    next += size
    const then = performance.now()
    latencies.push(then - now)
    now = then
  }
  const seconds = (performance.now() - began) / 1_000
  return {
    'events/s': (latencies.length * size) / seconds,
    'p50 ms': quantile(latencies, 0.5),
    'p99 ms': quantile(latencies, 0.99),
  }
}
