/** Counters are called otherwise in their descriptions than in their samples. */
const COUNTER = /^# TYPE (\S+)_total counter$/gm
const DESCRIPTION = /^(# (?:HELP|TYPE)) (\S+)_total(?= )/
const WHOLE_BOUND = /(?<=[{,]le=")(\d+)(?=")/

/**
 * Returns metrics in Prometheus's text format as OpenMetrics 1.0. A registry of prom-client writes one format for all who
 * ask, and renames its counters for good when it writes this one.
 */
export function openMetrics(text: string): string {
  const counters = new Set(Array.from(text.matchAll(COUNTER), ([, family]) => family))
  const lines = text.split('\n').flatMap((line) => {
    if (line === '') return []
    if (!line.startsWith('#')) return [line.replace(WHOLE_BOUND, '$1.0')]
    const described = line.replace(DESCRIPTION, (whole, keyword: string, family: string) =>
      counters.has(family) ? `${keyword} ${family}` : whole,
    )
    // The older format has no quotes to escape here.
    return [described.replaceAll('"', '\\"')]
  })
  return `${lines.join('\n')}\n# EOF\n`
}
