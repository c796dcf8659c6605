import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/catalogue/catalogue.ts'
import { scrape, setUp, valuesOf } from './scrape.ts'

describe('labels', () => {
  it('stay bounded with 100,000 types, and lose no count', async () => {
    const { register, metrics } = setUp()
    for (let i = 0; i < 100_000; i++) {
      metrics.published(`random.type_${i}`, i % 30)
      metrics.payloadMismatch(`random.type_${i}`)
    }
    const published = await scrape(register, 'published_total')
    expect(new Set(published.map(({ labels }) => labels.type)).size).toBe(201)
    expect(published.length).toBeLessThanOrEqual(201 * 4)
    expect(published.reduce((total, { value }) => total + value, 0)).toBe(100_000)
    expect(await scrape(register, 'payload_mismatches_total')).toHaveLength(201)
    expect((await valuesOf(register, 'payload_mismatches_total')).other).toBe(99_800)
  })

  it('name every built-in type, even beyond the limit', async () => {
    const { register, metrics } = setUp({ maxTypes: 1 })
    metrics.published('first.own', 5)
    metrics.published('second.own', 5)
    for (const { type } of CATALOGUE) metrics.published(type, 5)
    const own = { 'first.own normal': 1, 'other normal': 1 }
    const builtIn = Object.fromEntries(CATALOGUE.map(({ type }) => [`${type} normal`, 1]))
    expect(await valuesOf(register, 'published_total')).toEqual({ ...own, ...builtIn })
  })

  it('keep a type that already has its own label', async () => {
    const { register, metrics } = setUp({ maxTypes: 1 })
    for (const type of ['own.a', 'own.b', 'own.a', 'own.b']) metrics.published(type, 5)
    expect(await valuesOf(register, 'published_total')).toEqual({ 'own.a normal': 2, 'other normal': 2 })
  })

  it('stay bounded with many subscriptions', async () => {
    const { register, metrics } = setUp({ maxSubscriptions: 3 })
    for (let i = 0; i < 1_000; i++) {
      metrics.delivered(`client-${i}`)
      metrics.handlerError(`client-${i}`)
      metrics.handlerDuration(`client-${i}`, 0.1)
    }
    const expected = { 'client-0': 1, 'client-1': 1, 'client-2': 1, other: 997 }
    expect(await valuesOf(register, 'delivered_total')).toEqual(expected)
    expect(await valuesOf(register, 'handler_errors_total')).toEqual(expected)
    expect(await valuesOf(register, 'handler_duration_seconds_count')).toEqual(expected)
  })

  it('do not confuse a subscription named other with the others', async () => {
    const { register, metrics } = setUp({ maxSubscriptions: 1 })
    for (const name of ['other', 'a', 'b']) metrics.delivered(name)
    metrics.forgetSubscription('other')
    expect(await valuesOf(register, 'delivered_total')).toEqual({ a: 1, other: 2 })
  })
})

describe('forgetSubscription', () => {
  it('removes the series of that subscription only', async () => {
    const { register, metrics } = setUp()
    for (const name of ['gone', 'stays']) {
      metrics.delivered(name)
      metrics.handlerError(name)
      metrics.handlerDuration(name, 0.1)
    }
    metrics.forgetSubscription('gone')
    expect(await valuesOf(register, 'delivered_total')).toEqual({ stays: 1 })
    expect(await valuesOf(register, 'handler_errors_total')).toEqual({ stays: 1 })
    expect(await valuesOf(register, 'handler_duration_seconds_count')).toEqual({ stays: 1 })
  })

  it('makes room for another', async () => {
    const { register, metrics } = setUp({ maxSubscriptions: 1 })
    for (let i = 0; i < 1_000; i++) {
      metrics.delivered(`client-${i}`)
      metrics.forgetSubscription(`client-${i}`)
    }
    metrics.delivered('last')
    expect(await valuesOf(register, 'delivered_total')).toEqual({ last: 1 })
  })

  it('starts from zero when the subscription returns', async () => {
    const { register, metrics } = setUp()
    metrics.delivered('audit')
    metrics.forgetSubscription('audit')
    metrics.delivered('audit')
    expect(await valuesOf(register, 'delivered_total')).toEqual({ audit: 1 })
  })

  it('ignores an unknown subscription', () => {
    const { metrics } = setUp()
    expect(() => metrics.forgetSubscription('never')).not.toThrow()
  })
})
