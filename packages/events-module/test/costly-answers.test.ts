import { type EventStorage, memoryStorage } from '@viewra/events-core'
import { expect, test } from 'vitest'
import { eventsApp } from './events-app.ts'

const PATH = '/api/v1/events'
const REQUESTS = 20

/** A memory store that takes a while for its totals, and counts how often it is asked. */
function slowTotals(): { storage: EventStorage; asked: () => number } {
  const storage = memoryStorage()
  const totals = storage.totals.bind(storage)
  let asked = 0
  storage.totals = async (options) => {
    asked += 1
    await new Promise((resolve) => setTimeout(resolve, 20))
    return totals(options)
  }
  return { storage, asked: () => asked }
}

test.each(['/stats', '/types'])(
  'GET %s is reused only with 1,000 types and more, and not for long',
  async (path) => {
    const { storage, asked } = slowTotals()
    const { app, bus } = await eventsApp({ bus: { storage } })
    const ask = async (requests: number) => {
      const before = asked()
      for (let request = 0; request < requests; request++) {
        const { statusCode } = await app.inject(`${PATH}${path}`)
        expect(statusCode).toBe(200)
      }
      return asked() - before
    }
    const publish = (from: number, to: number) =>
      bus.publishMany(Array.from({ length: to - from }, (_, n) => ({ type: `t${from + n}`, source: 's' })))
    await publish(0, 900)
    expect(await ask(REQUESTS)).toBe(REQUESTS)
    await publish(900, 1_100)
    expect(await ask(REQUESTS)).toBeLessThan(REQUESTS)
    // However many ask, it is asked again after a while.
    await expect.poll(() => ask(1)).toBe(1)
  },
)
