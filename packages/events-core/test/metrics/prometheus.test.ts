import { Counter, register as globalRegister, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { METRICS } from '../../src/metrics/definitions.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { startedBus } from '../bus/setup.ts'
import { scrape, setUp, valuesOf } from './scrape.ts'

describe('prometheusMetrics', () => {
  it('registers exactly these metrics, in the registry it is given', () => {
    const { register } = setUp()
    const names = register.getMetricsAsArray().map((metric) => metric.name)
    expect(names.sort()).toEqual([
      'viewra_events_batch_size',
      'viewra_events_buffer_capacity',
      'viewra_events_buffer_events',
      'viewra_events_dead_letters',
      'viewra_events_delivered_total',
      'viewra_events_dropped_total',
      'viewra_events_handler_duration_seconds',
      'viewra_events_handler_errors_total',
      'viewra_events_listen_up',
      'viewra_events_missed_total',
      'viewra_events_oldest_write_seconds',
      'viewra_events_payload_mismatches_total',
      'viewra_events_publish_duration_seconds',
      'viewra_events_published_total',
      'viewra_events_storage_errors_total',
      'viewra_events_storage_operation_duration_seconds',
      'viewra_events_stored_events',
      'viewra_events_stream_clients',
      'viewra_events_subscription_lag',
      'viewra_events_worker_figure',
      'viewra_events_worker_last_run_timestamp_seconds',
    ])
    expect(names).toEqual(
      Object.values(METRICS)
        .map(({ name }) => name)
        .sort(),
    )
    expect(globalRegister.getMetricsAsArray()).toEqual([])
  })

  it('counts events by type and priority band', async () => {
    const { register, metrics } = setUp()
    for (const priority of [0, 1, 4, 5, 9, 10, 19, 20, 100]) metrics.published('scan.progress', priority)
    metrics.published('error', 10)
    expect(await valuesOf(register, 'published_total')).toEqual({
      'scan.progress low': 3,
      'scan.progress normal': 2,
      'scan.progress high': 2,
      'scan.progress critical': 2,
      'error high': 1,
    })
    expect(await scrape(register, 'published_total')).toContainEqual(
      expect.objectContaining({ labels: { type: 'error', priority: 'high' } }),
    )
  })

  it('counts the outcome of events', async () => {
    const { register, metrics } = setUp()
    metrics.delivered('audit')
    metrics.delivered('audit')
    metrics.handlerError('audit')
    metrics.missed('audit', 7)
    metrics.dropped('queue_full', 3)
    metrics.payloadMismatch('scan.progress')
    metrics.storageError('append')
    expect(await valuesOf(register, 'delivered_total')).toEqual({ audit: 2 })
    expect(await valuesOf(register, 'handler_errors_total')).toEqual({ audit: 1 })
    expect(await valuesOf(register, 'missed_total')).toEqual({ audit: 7 })
    expect(await valuesOf(register, 'payload_mismatches_total')).toEqual({ 'scan.progress': 1 })
    expect(await valuesOf(register, 'storage_errors_total')).toEqual({ append: 1 })
    expect(await valuesOf(register, 'dropped_total')).toMatchObject({ queue_full: 3, buffer_full: 0 })
  })

  it('shows every drop reason before anything is dropped', async () => {
    const { register } = setUp()
    expect(await valuesOf(register, 'dropped_total')).toEqual({
      buffer_full: 0,
      queue_full: 0,
      stopped: 0,
      storage: 0,
      expired: 0,
    })
  })

  it('observes durations in seconds and sizes in events', async () => {
    const { register, metrics } = setUp()
    metrics.handlerDuration('audit', 0.25)
    metrics.publishDuration(0.003)
    metrics.batchSize(40)
    metrics.batchSize(2_000)
    metrics.storageOperation('append', 0.004)
    expect(await valuesOf(register, 'handler_duration_seconds_sum')).toEqual({ audit: 0.25 })
    expect(await valuesOf(register, 'publish_duration_seconds_bucket')).toMatchObject({
      '0.0025': 0,
      '0.005': 1,
    })
    expect(await valuesOf(register, 'storage_operation_duration_seconds_count')).toEqual({ append: 1 })
    expect(await valuesOf(register, 'batch_size_sum')).toEqual({ '': 2_040 })
    expect(await valuesOf(register, 'batch_size_bucket')).toMatchObject({
      '20': 0,
      '50': 1,
      '1000': 1,
      '+Inf': 2,
    })
  })

  it('observes how long the handlers of a bus take', async () => {
    const { register, metrics } = setUp()
    const bus = await startedBus({ metrics })
    let calls = 0
    const handler = async () => {
      calls++
      await new Promise((resolve) => setImmediate(resolve))
    }
    await bus.subscribe('*', handler, { name: 'audit' })
    await bus.publish({ type: 'a', source: 'x' })
    await expect.poll(() => valuesOf(register, 'handler_duration_seconds_count')).toEqual({ audit: 1 })
    expect(calls).toBe(1)
    const { audit } = await valuesOf(register, 'handler_duration_seconds_sum')
    expect(audit).toBeGreaterThan(0)
  })

  it('escapes a subscription’s name', async () => {
    const { register, metrics } = setUp()
    metrics.delivered('a "b"\n\\c')
    expect(await scrape(register, 'delivered_total')).toEqual([
      { name: 'viewra_events_delivered_total', labels: { subscription: 'a \\"b\\"\\n\\\\c' }, value: 1 },
    ])
  })

  it.each([
    ['maxTypes', { maxTypes: -1 }],
    ['maxSubscriptions', { maxSubscriptions: 0.5 }],
  ])('rejects an invalid %s', (path, options) => {
    const issues = [expect.objectContaining({ path })]
    expect(() => setUp(options)).toThrow(expect.objectContaining({ code: 'EVENTS_INVALID', issues }))
  })

  it('rejects an unknown option', () => {
    // @ts-expect-error that is what the type says too
    const create = () => setUp({ prefix: 'x' })
    expect(create).toThrow(
      expect.objectContaining({ issues: [{ path: 'prefix', message: 'is not a known option' }] }),
    )
  })

  it('requires a registry', () => {
    // @ts-expect-error that is what the type says too
    const create = () => prometheusMetrics({})
    expect(create).toThrow(expect.objectContaining({ code: 'EVENTS_INVALID' }))
  })

  it('fails if the registry has another metric of the same name', () => {
    const register = new Registry()
    new Counter({ name: 'viewra_events_published_total', help: 'Not ours.', registers: [register] })
    expect(() => prometheusMetrics({ register })).toThrow('viewra_events_published_total')
  })
})
