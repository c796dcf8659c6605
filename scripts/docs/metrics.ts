import {
  DROP_REASONS,
  METRICS,
  type MetricDefinition,
} from '../../packages/events-core/src/metrics/definitions.ts'
import { GENERATED, table } from './markdown.ts'

const INTRODUCTION = `# Metrics

${GENERATED}

A bus reports these metrics to the registry of \`prometheusMetrics({ register })\`, from \`@viewra/events-core/prometheus\`. The event
server serves them at \`/metrics\`, together with the metrics of its process that
[prom-client](https://github.com/siimon/prom-client#default-metrics) collects (\`process_…\`, \`nodejs_…\`). The HTTP API has no metrics of
its own: its open streams are \`viewra_events_stream_clients\`.

Label values are bounded: beyond 200 types (besides the built-in ones), 200 subscriptions and 200 workers, further ones share the
value \`other\`. The series of a subscription are removed when it ends. Several buses may report to one registry; their figures are
added up, except that times are the latest or the longest of them, and \`viewra_events_listen_up\` is 0 as soon as it is for one.
`

const SECTIONS = [
  ['counter', 'Counters'],
  ['histogram', 'Histograms'],
  ['gauge', 'Gauges'],
] as const

/** Returns docs/reference/metrics.md. */
export function metricsPage(): string {
  return [INTRODUCTION, ...SECTIONS.map(([kind, title]) => section(kind, title)), reasons()].join('\n')
}

function section(kind: MetricDefinition['kind'], title: string): string {
  const metrics: readonly MetricDefinition[] = Object.values(METRICS)
  const rows = metrics
    .filter((metric) => metric.kind === kind)
    .map(({ name, labels, help, buckets }) => [
      `\`${name}\``,
      labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', '),
      help,
      ...(buckets === undefined ? [] : [buckets.join(', ')]),
    ])
  const header = ['Metric', 'Labels', 'Meaning', ...(kind === 'histogram' ? ['Buckets'] : [])]
  return `## ${title}\n\n${table(header, rows)}`
}

function reasons(): string {
  const rows = Object.entries(DROP_REASONS).map(([reason, meaning]) => [`\`${reason}\``, meaning])
  return `## Reasons of \`${METRICS.dropped.name}\`\n\n${table(['Reason', 'Meaning'], rows)}`
}
