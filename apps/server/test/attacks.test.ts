import { afterEach, expect, test } from 'vitest'
import { ATTACKS } from './attacks/attacks.ts'
import { watchAsBystanders } from './attacks/bystanders.ts'
import { Target } from './attacks/target.ts'

const ATTACK_MS = 1_500
/** Some of those of `pnpm attack`, which goes on for a minute with each, on both stores, and also looks at the time. */
const GRAVEST = ['idle connections', 'stalled pipelines of a viewer', 'newlines', 'streams']

const targets: Target[] = []

afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.stop('SIGKILL')))
})

test('under attack the server goes on, others get what they ask for, and it stops in order', async () => {
  const target = await Target.start(undefined, 512)
  targets.push(target)
  await target.fill(1_000)
  for (const name of GRAVEST) {
    const signal = AbortSignal.timeout(ATTACK_MS)
    const attack = ATTACKS[name]?.(target.client, signal)
    const seen = Object.values(await watchAsBystanders(target.client, signal))
    await attack
    expect(
      seen.flatMap(({ failures }) => failures),
      name,
    ).toEqual([])
    expect(Math.min(...seen.map(({ latencies }) => latencies.length)), name).toBeGreaterThan(0)
  }
  expect(target.logBytes).toBeLessThan(10_000)
  expect(await target.stop()).toBe(0)
})
