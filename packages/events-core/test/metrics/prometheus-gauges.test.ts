import { afterEach, describe, expect, it, vi } from 'vitest'
import type { BusGauges } from '../../src/metrics/metrics.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { parseExposition } from './exposition.ts'
import { scrape, setUp, valuesOf } from './scrape.ts'

function gaugesOf(gauges: Partial<BusGauges> = {}): () => BusGauges {
  return () => ({
    bufferEvents: 0,
    bufferCapacity: 100,
    oldestWriteSeconds: 0,
    subscriptionLag: new Map(),
    workers: new Map(),
    streamClients: new Map(),
    isListening: undefined,
    storedEvents: async () => 0,
    deadLetters: async () => 0,
    ...gauges,
  })
}

describe('gauges', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are read at each scrape', async () => {
    const { register, metrics } = setUp()
    let waiting = 1
    metrics.attach(() => gaugesOf({ bufferEvents: waiting, storedEvents: async () => waiting * 10 })())
    expect(await valuesOf(register, 'buffer_events')).toEqual({ '': 1 })
    waiting = 2
    expect(await valuesOf(register, 'buffer_events')).toEqual({ '': 2 })
    expect(await valuesOf(register, 'stored_events')).toEqual({ '': 20 })
  })

  it('report no listening as soon as one of the stores does not listen', async () => {
    const { register, metrics } = setUp()
    const listening = [undefined, true, true, false]
    const seen = []
    for (const isListening of listening) {
      metrics.attach(gaugesOf({ isListening }))
      seen.push(await valuesOf(register, 'listen_up'))
    }
    expect(seen).toEqual([{}, { '': 1 }, { '': 1 }, { '': 0 }])
  })

  it('report open streams by transport, and dead letters, over all buses', async () => {
    const { register, metrics } = setUp()
    metrics.attach(gaugesOf({ streamClients: new Map([['http-stream', 2]]), deadLetters: async () => 3 }))
    const both = new Map([
      ['http-stream', 1],
      ['websocket', 5],
    ])
    const detach = metrics.attach(gaugesOf({ streamClients: both, deadLetters: async () => 4 }))
    expect(await valuesOf(register, 'stream_clients')).toEqual({ 'http-stream': 3, websocket: 5 })
    expect(await valuesOf(register, 'dead_letters')).toEqual({ '': 7 })
    detach()
    expect(await valuesOf(register, 'stream_clients')).toEqual({ 'http-stream': 2 })
  })

  it('show each worker with its last run and figures, over all buses', async () => {
    const { register, metrics } = setUp()
    const jobs = { lastRunMs: 1_500, figures: { running: 1, waiting: 2 } }
    metrics.attach(gaugesOf({ workers: new Map([['jobs', jobs]]) }))
    const others = new Map([
      ['jobs', { lastRunMs: 2_500, figures: { running: 4 } }],
      ['sweeper', { lastRunMs: undefined }],
    ])
    const detach = metrics.attach(gaugesOf({ workers: others }))
    expect(await valuesOf(register, 'worker_last_run_timestamp_seconds')).toEqual({ jobs: 2.5 })
    expect(await valuesOf(register, 'worker_figure')).toEqual({ 'jobs running': 5, 'jobs waiting': 2 })
    detach()
    expect(await valuesOf(register, 'worker_last_run_timestamp_seconds')).toEqual({ jobs: 1.5 })
  })

  it('stay bounded with many workers', async () => {
    const { register, metrics } = setUp()
    const names = Array.from({ length: 250 }, (_, number) => `worker-${number}`)
    metrics.attach(
      gaugesOf({ workers: new Map(names.map((name) => [name, { figures: { runs: 1 }, lastRunMs: 1 }])) }),
    )
    const runs = await valuesOf(register, 'worker_figure')
    expect(Object.keys(runs)).toHaveLength(201)
    expect(runs['other runs']).toBe(50)
    expect(await scrape(register, 'worker_last_run_timestamp_seconds')).toHaveLength(201)
  })

  it('have no samples without a bus', async () => {
    const { register, metrics } = setUp()
    metrics.attach(gaugesOf({ subscriptionLag: new Map([['audit', 1]]) }))()
    for (const name of ['buffer_events', 'buffer_capacity', 'stored_events', 'subscription_lag']) {
      expect(await scrape(register, name)).toEqual([])
    }
  })

  it('drop the lag of a subscription that has ended, and bound the rest', async () => {
    const { register, metrics } = setUp({ maxSubscriptions: 2 })
    let lag = new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 4],
    ])
    metrics.attach(() => gaugesOf({ subscriptionLag: lag })())
    expect(await valuesOf(register, 'subscription_lag')).toEqual({ a: 1, b: 2, other: 7 })
    metrics.forgetSubscription('a')
    lag = new Map([
      ['b', 5],
      ['c', 6],
    ])
    expect(await valuesOf(register, 'subscription_lag')).toEqual({ b: 5, c: 6 })
  })

  it('omit the number of stored events while one of the stores cannot be read', async () => {
    const { register, metrics } = setUp()
    let stored: number | undefined = 10
    metrics.attach(gaugesOf({ storedEvents: async () => stored }))
    metrics.attach(gaugesOf({ storedEvents: async () => 5 }))
    expect(await valuesOf(register, 'stored_events')).toEqual({ '': 15 })
    stored = undefined
    expect(await scrape(register, 'stored_events')).toEqual([])
    stored = 0
    expect(await valuesOf(register, 'stored_events')).toEqual({ '': 5 })
  })

  it.each([
    ['rejects', async () => Promise.reject(new Error('away'))],
    [
      'throws',
      () => {
        throw new Error('away')
      },
    ],
  ])('survive a store that %s, and read it again', async (_, fails) => {
    const { register, metrics } = setUp()
    const storedEvents = vi.fn<() => Promise<number>>().mockImplementationOnce(fails).mockResolvedValue(3)
    metrics.attach(gaugesOf({ bufferEvents: 1, storedEvents }))
    expect(await scrape(register, 'stored_events')).toEqual([])
    expect(await valuesOf(register, 'stored_events')).toEqual({ '': 3 })
  })

  it('neither wait for a hanging store nor read it again before it has responded', async () => {
    vi.useFakeTimers()
    const { register, metrics } = setUp()
    const answer = Promise.withResolvers<number>()
    const storedEvents = vi.fn(() => answer.promise)
    metrics.attach(gaugesOf({ bufferEvents: 4, storedEvents }))
    for (const _ of ['first', 'second']) {
      const text = register.metrics()
      await vi.advanceTimersByTimeAsync(1_000)
      const samples = parseExposition(await text)
      expect(samples.some(({ name }) => name === 'viewra_events_stored_events')).toBe(false)
      expect(samples).toContainEqual({ name: 'viewra_events_buffer_events', labels: {}, value: 4 })
    }
    expect(storedEvents).toHaveBeenCalledTimes(1)
    answer.resolve(9)
    expect(await valuesOf(register, 'stored_events')).toEqual({ '': 9 })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('two buses on one registry', () => {
  it('count together', async () => {
    const { register, metrics } = setUp()
    const second = prometheusMetrics({ register })
    metrics.published('error', 10)
    second.published('error', 10)
    expect(await valuesOf(register, 'published_total')).toEqual({ 'error high': 2 })
  })

  it('share the limits', async () => {
    const { register, metrics } = setUp({ maxTypes: 2, maxSubscriptions: 1 })
    const second = prometheusMetrics({ register, maxTypes: 2, maxSubscriptions: 1 })
    for (const type of ['a', 'b', 'c']) {
      metrics.published(type, 5)
      second.published(`second.${type}`, 5)
    }
    metrics.delivered('audit')
    second.delivered('mirror')
    expect(await valuesOf(register, 'published_total')).toEqual({
      'a normal': 1,
      'second.a normal': 1,
      'other normal': 4,
    })
    expect(await valuesOf(register, 'delivered_total')).toEqual({ audit: 1, other: 1 })
  })

  it('keep the series of a subscription’s name until both have forgotten it', async () => {
    const { register, metrics } = setUp()
    const second = prometheusMetrics({ register })
    metrics.delivered('subscription-1')
    second.delivered('subscription-1')
    metrics.forgetSubscription('subscription-1')
    expect(await valuesOf(register, 'delivered_total')).toEqual({ 'subscription-1': 2 })
    second.forgetSubscription('subscription-1')
    expect(await valuesOf(register, 'delivered_total')).toEqual({})
  })

  it('are summed in the gauges', async () => {
    const { register, metrics } = setUp()
    const lag = new Map([
      ['audit', 3],
      ['first', 1],
    ])
    metrics.attach(gaugesOf({ bufferEvents: 7, subscriptionLag: lag, storedEvents: async () => 1_000 }))
    const second = prometheusMetrics({ register })
    const detach = second.attach(
      gaugesOf({ bufferEvents: 5, subscriptionLag: new Map([['audit', 4]]), storedEvents: async () => 20 }),
    )
    expect(await valuesOf(register, 'buffer_events')).toEqual({ '': 12 })
    expect(await valuesOf(register, 'buffer_capacity')).toEqual({ '': 200 })
    expect(await valuesOf(register, 'stored_events')).toEqual({ '': 1_020 })
    expect(await valuesOf(register, 'subscription_lag')).toEqual({ audit: 7, first: 1 })
    detach()
    expect(await valuesOf(register, 'buffer_events')).toEqual({ '': 7 })
    expect(await valuesOf(register, 'subscription_lag')).toEqual({ audit: 3, first: 1 })
  })

  it('start afresh after the registry was cleared', async () => {
    const { register, metrics } = setUp({ maxTypes: 1 })
    metrics.published('a', 5)
    register.clear()
    const second = prometheusMetrics({ register, maxTypes: 1 })
    second.published('b', 5)
    second.attach(gaugesOf())
    expect(await valuesOf(register, 'published_total')).toEqual({ 'b normal': 1 })
    expect(await valuesOf(register, 'buffer_capacity')).toEqual({ '': 100 })
  })
})
