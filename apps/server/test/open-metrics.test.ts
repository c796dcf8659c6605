import { expect, test } from 'vitest'
import { openMetrics } from '../src/open-metrics.ts'
import { startServer } from './server-process.ts'

const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** What may follow a family's name in the names of its samples, by the family's type. */
const SUFFIXES: Readonly<Record<string, RegExp>> = {
  counter: /^_total$/,
  gauge: /^$/,
  histogram: /^_(bucket|count|sum)$/,
  summary: /^(_count|_sum)?$/,
}

test('metrics are OpenMetrics for who asks for that, and as they were for all others', async () => {
  const { url } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: 'memory:' })
  const scrape = async (accept: string) => {
    const answer = await fetch(`${url}/metrics`, { headers: { accept } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('vary')).toContain('Accept')
    return { type: answer.headers.get('content-type'), text: await answer.text() }
  }
  // As Prometheus 2 and 3 ask, and whoever names no version.
  for (const accept of [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.1',
    'application/openmetrics-text',
  ]) {
    const { type, text } = await scrape(accept)
    expect(type).toBe(OPEN_METRICS)
    expect(familiesOf(text)).toMatchObject({
      viewra_events_published: 'counter',
      viewra_events_publish_duration_seconds: 'histogram',
      viewra_events_stored_events: 'gauge',
      process_cpu_seconds: 'counter',
    })
    expect(text).toMatch(/^viewra_events_published_total\{.*\} \d+$/m)
    expect(text).toContain('viewra_events_publish_duration_seconds_bucket{le="1.0"}')
  }
  for (const accept of ['*/*', 'text/plain', 'text/plain, application/openmetrics-text;q=0.5', 'text/html']) {
    const { type, text } = await scrape(accept)
    expect(type).toBe(TEXT)
    expect(text).toContain('\n# TYPE viewra_events_published_total counter\n')
    expect(text).toMatch(/^viewra_events_published_total\{.*\} \d+$/m)
    expect(text).not.toContain('# EOF')
  }
})

test('only counters lose the end of their name, and quotes in a help text are escaped', () => {
  const text = `# HELP a_total Of "a".
# TYPE a_total counter
a_total{le="1",b="# TYPE x_total counter"} 1

# HELP b_total B.
# TYPE b_total gauge
b_total 2
`
  expect(openMetrics(text)).toBe(`# HELP a Of \\"a\\".
# TYPE a counter
a_total{le="1.0",b="# TYPE x_total counter"} 1
# HELP b_total B.
# TYPE b_total gauge
b_total 2
# EOF
`)
})

/** The type of each family; throws where a line is not where OpenMetrics has it. */
function familiesOf(text: string): Record<string, string> {
  const families: Record<string, string> = {}
  let current = ''
  const lines = text.split('\n')
  expect(lines.slice(-2)).toEqual(['# EOF', ''])
  for (const line of lines.slice(0, -2)) {
    const [, keyword, name = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) /.exec(line) ?? []
    if (keyword === 'HELP') {
      expect(families, `${name} comes twice`).not.toHaveProperty(name)
      families[name] = ''
      current = name
    } else if (keyword === 'TYPE') {
      expect(name).toBe(current)
      families[name] = line.split(' ')[3] ?? ''
    } else {
      const [, sample = ''] =
        /^([a-zA-Z_:][\w:]*)(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\})? [^ ]+$/.exec(line) ?? []
      expect(sample.startsWith(current), line).toBe(true)
      expect(sample.slice(current.length), line).toMatch(SUFFIXES[families[current] ?? ''] ?? /$^/)
    }
  }
  return families
}
