/** One line of a scrape. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const COMMENT = /^# (HELP|TYPE) [a-z_]+ \S.*$/
const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)",?/y

/** Parses a scrape in Prometheus's text format; throws on an invalid line. */
export function parseExposition(text: string): readonly Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !COMMENT.test(line))
    .map(parseSample)
}

function parseSample(line: string): Sample {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined || !Number.isFinite(Number(value))) throw new Error(`not a sample: ${line}`)
  return { name, labels: parseLabels(labels), value: Number(value) }
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? []
    if (name === undefined || value === undefined) throw new Error(`not labels: ${text}`)
    labels[name] = value
  }
  return labels
}
