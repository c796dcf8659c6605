import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createEventBus, type EventStorage, memoryStorage, type StoredEvent } from '../../src/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { seededRandom } from '../faults/seeded-random.ts'
import { PostgresSetup } from '../storage/postgres/setup.ts'
import { temporaryPath } from '../storage/sqlite/setup.ts'
import {
  fill,
  type Input,
  isDone,
  lawProcessor,
  type Outcome,
  outcomeOf,
  PastClock,
  randomInputs,
  readOutcome,
} from './law.ts'

const postgres = await PostgresSetup.start()

/** Where a log is kept, so that stores of several processes can be opened on it. */
interface Place {
  readonly url: string
  readonly schema: string
  /** Batches that last some seconds when each call is committed alone. */
  readonly batches: number
  store(now?: () => number): EventStorage
}

const PLACES = {
  SQLite: (): Place => {
    const path = join(temporaryPath(), 'events.db')
    return {
      url: path,
      schema: '',
      batches: 150,
      store: (now) => sqliteStorage({ path, ...(now && { now }) }),
    }
  },
  PostgreSQL: (): Place => {
    const schema = postgres.newSchema()
    const { url } = postgres.server
    return { url, schema, batches: 50, store: (now) => postgres.store({ schema, ...(now && { now }) }) }
  },
} as const

const inputsOf = (inputs: readonly Input[]) => inputs.reduce((sum, { events }) => sum + events.length, 0)

/** Processes what a store has to its end, and returns what came of it. */
async function process(storage: EventStorage, lastInput: number, batchEvents: number): Promise<Outcome> {
  const bus = createEventBus({ storage, workers: [lawProcessor({ batchEvents })], pollIntervalMs: 20 })
  await bus.start()
  await expect.poll(() => isDone(storage, lastInput), { timeout: 60_000 }).toBe(true)
  const outcome = await readOutcome(storage)
  await bus.stop()
  return outcome
}

/** The outcome in one go, on a memory store. */
async function outcomeInOneGo(inputs: readonly Input[]): Promise<Outcome> {
  const clock = new PastClock()
  const past = memoryStorage({ capacity: 100_000, now: () => clock.now() })
  await fill(past, clock, inputs)
  // From now on time goes on as it does elsewhere: all is past.
  clock.now = Date.now
  return process(past, inputsOf(inputs), 500)
}

describe('the same log gives the same outputs, each once', () => {
  test('in batches of every size', async () => {
    for (const seed of [1, 2, 3]) {
      const inputs = randomInputs(seed, 120)
      const expected = await outcomeInOneGo(inputs)
      expect(expected.outputs.length).toBeGreaterThan(300)
      expect(expected.deadLetters.length).toBeGreaterThan(3)
      for (const size of [1, 2, 3, 4, 5, 7, 11, 16, 31, 64, 100, 200, 499]) {
        const clock = new PastClock()
        const storage = memoryStorage({ capacity: 100_000, now: () => clock.now() })
        await fill(storage, clock, inputs)
        clock.now = Date.now
        expect(await process(storage, inputsOf(inputs), size), `seed ${seed}, size ${size}`).toEqual(expected)
      }
    }
  })

  test.for(Object.entries(PLACES))('in batches, on %s', async ([, at]) => {
    const inputs = randomInputs(4, 150)
    const expected = await outcomeInOneGo(inputs)
    for (const size of [1, 13, 500]) {
      const place = at()
      const clock = new PastClock()
      await fill(place.store(clock.now), clock, inputs)
      expect(await process(place.store(), inputsOf(inputs), size)).toEqual(expected)
    }
  })

  test.for(Object.entries(PLACES))('with kill -9 at random points, on %s', async ([, at]) => {
    const place = at()
    const inputs = randomInputs(5, place.batches)
    const clock = new PastClock()
    await fill(place.store(clock.now), clock, inputs)
    const storage = place.store()
    await storage.open()
    const random = seededRandom(5)
    const progress = async () => {
      const [state] = await storage.subscriptions.list('law@1')
      return (state?.position ?? 0) + (await storage.head()).position
    }
    let kills = 0
    while (!(await isDone(storage, inputsOf(inputs)))) {
      const before = await progress()
      const child = await startChild(place, 1)
      // However slow the machine is, each gets a little further, in the middle of what it does.
      const until = before + 1 + random() * 2 * place.batches
      while ((await progress()) < until && !(await isDone(storage, inputsOf(inputs)))) await sleep(2)
      child.kill('SIGKILL')
      await once(child, 'exit')
      kills++
    }
    expect(kills).toBeGreaterThan(3)
    expect(await readOutcome(storage)).toEqual(await outcomeInOneGo(inputs))
    await storage.close()
  })

  test.for(Object.entries(PLACES))(
    'by two processes that take over from each other, on %s',
    async ([, at]) => {
      const inputs = randomInputs(6, 250)
      const place = at()
      const clock = new PastClock()
      await fill(place.store(clock.now), clock, inputs)
      const storage = place.store()
      await storage.open()
      const children = [await startChild(place, 3), await startChild(place, 3)]
      const random = seededRandom(6)
      let turn = 0
      while (!(await isDone(storage, inputsOf(inputs)))) {
        const which = turn++ % 2
        const child = children[which]
        if (random() < 0.5) {
          // Frozen for longer than its lease and than a call may take, it wakes up in the middle of what it did.
          child?.kill('SIGSTOP')
          await sleep(700)
          child?.kill('SIGCONT')
        } else {
          child?.kill('SIGKILL')
          children[which] = await startChild(place, 3)
        }
        await sleep(random() * 60)
      }
      for (const child of children) child.kill('SIGKILL')
      expect(await readOutcome(storage)).toEqual(await outcomeInOneGo(inputs))
      await storage.close()
    },
  )

  test.for([['memory', undefined] as const, ...Object.entries(PLACES)])(
    'live, while it is being written, on %s',
    async ([, at]) => {
      const storage = at?.().store() ?? memoryStorage({ capacity: 100_000 })
      const bus = createEventBus({ storage, workers: [lawProcessor()], pollIntervalMs: 20 })
      await bus.start()
      for (const { afterMs, events } of randomInputs(7, 150)) {
        await sleep(afterMs / 4)
        await bus.publishMany(events.map((event) => ({ ...event, source: 'law' })))
      }
      const { position } = await bus.head()
      await expect.poll(() => isDone(storage, position), { timeout: 30_000 }).toBe(true)
      const live = await readOutcome(storage)
      // Once more, over history. Its outputs are there already: what it gives is seen where it is stored.
      const again: StoredEvent[] = []
      const commit = storage.commit.bind(storage)
      storage.commit = async (lease, changes) => {
        const result = await commit(lease, changes)
        if (result.committed) for (const { event } of changes.append ?? []) again.push(storedAgain(event))
        return result
      }
      await bus.durable.reset('law@1', 'beginning')
      await expect
        .poll(async () => again.length >= live.outputs.length && isDone(storage, position), {
          timeout: 30_000,
        })
        .toBe(true)
      expect(outcomeOf(again, live.deadLetters).outputs).toEqual(live.outputs)
      expect((await readOutcome(storage)).outputs).toEqual(live.outputs)
      await bus.stop()
    },
  )
})

function storedAgain(event: Omit<StoredEvent, 'position' | 'recorded_at'>): StoredEvent {
  return { ...event, position: 0, recorded_at: '' }
}

async function startChild({ url, schema }: Place, batchEvents: number) {
  const child = fork(join(import.meta.dirname, 'children/run-law.ts'), [url, schema, String(batchEvents)], {
    execArgv: ['--conditions=@viewra/source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await once(child, 'message')
  return child
}
