import type { Contest, Standing } from './contest.ts'

export interface Target {
  readonly what: string
  readonly measured: number
  /** A bound that a figure meets if it is not below (`atLeast`) or not above it (`atMost`). */
  readonly bound: { readonly atLeast: number } | { readonly atMost: number }
  readonly unit: string
  readonly met: boolean
}

export interface Table {
  readonly title: string
  readonly standings: readonly Standing[]
}

export interface SuiteReport {
  readonly suite: string
  readonly tables: readonly Table[]
  readonly targets: readonly Target[]
  readonly notes: readonly string[]
  readonly seconds: number
}

/** Prints a suite's measurements as they come, and keeps them for the report. */
export class Report {
  readonly #suite: string
  readonly #began = performance.now()
  readonly #tables: Table[] = []
  readonly #targets: Target[] = []
  readonly #notes: string[] = []

  constructor(suite: string) {
    this.#suite = suite
    console.log(`\n## ${suite}`)
  }

  add({ title, standings }: Contest): void {
    this.#tables.push({ title, standings })
    const columns = [...new Set(standings.flatMap(({ figures }) => Object.keys(figures)))]
    const rows = standings.map(({ name, figures, ratio }) => [
      name,
      ...columns.map((column) => shownNumber(figures[column])),
      `${shownNumber(ratio)}×`,
    ])
    console.log(`\n### ${title}\n\n${markdown(['', ...columns, 'ratio'], rows)}`)
  }

  /** @param unit follows the figures: `×`, ` ms`, … */
  target(what: string, measured: number, bound: Target['bound'], unit = '×'): void {
    const met = 'atLeast' in bound ? measured >= bound.atLeast : measured <= bound.atMost
    const target = { what, measured, bound, unit, met }
    this.#targets.push(target)
    console.log(`\n${targetLine(target)}`)
  }

  note(text: string): void {
    this.#notes.push(text)
    console.log(`\n${text}`)
  }

  finish(): SuiteReport {
    const seconds = Math.round((performance.now() - this.#began) / 1_000)
    return {
      suite: this.#suite,
      tables: this.#tables,
      targets: this.#targets,
      notes: this.#notes,
      seconds,
    }
  }
}

export function targetLine({ what, measured, bound, unit, met }: Target): string {
  const wanted = 'atLeast' in bound ? `≥ ${bound.atLeast}${unit}` : `≤ ${bound.atMost}${unit}`
  return `- ${met ? 'met' : 'MISSED'}: ${what}: ${shownNumber(measured)}${unit}, target ${wanted}`
}

/** Rounds to three significant digits; whole numbers from a hundred on. */
function shownNumber(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
