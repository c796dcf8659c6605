import { Registry } from 'prom-client'
import { type PrometheusMetricsOptions, prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { parseExposition, type Sample } from './exposition.ts'

export type Options = Omit<PrometheusMetricsOptions, 'register'>

export function setUp(options: Options = {}) {
  const register = new Registry()
  return { register, metrics: prometheusMetrics({ register, ...options }) }
}

export async function scrape(register: Registry, name: string): Promise<readonly Sample[]> {
  const samples = parseExposition(await register.metrics())
  return samples.filter((sample) => sample.name === `viewra_events_${name}`)
}

/** Returns the values of a metric by the values of its labels: `{ 'scan.progress low': 2 }`. */
export async function valuesOf(register: Registry, name: string): Promise<Record<string, number>> {
  const samples = await scrape(register, name)
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}
