import type { FileMeasures, Place } from './measure.ts'

/** Limits that every source file keeps. */
const LIMITS = {
  fileLines: 300,
  functionLines: 60,
  medianFunctionLines: 10,
  ninetiethFunctionLines: 30,
  castsPerThousandLines: 2,
} as const

export interface Figure {
  readonly name: string
  readonly value: number
  readonly limit: number
}

export interface Verdict {
  readonly figures: readonly Figure[]
  /** The limits that are exceeded, with file and line where a single place is to blame. */
  readonly violations: readonly string[]
}

export function judge(files: readonly FileMeasures[]): Verdict {
  const figures = figuresOf(files)
  const beyond = figures.filter(({ value, limit }) => value > limit)
  return {
    figures,
    violations: [
      ...placedViolations(files),
      ...beyond.map(({ name, value, limit }) => `${name}: ${value}, limit ${limit}`),
    ],
  }
}

function figuresOf(files: readonly FileMeasures[]): Figure[] {
  const lengths = files.flatMap((file) => file.functions.map((found) => found.lines)).sort((a, b) => a - b)
  const lines = files.reduce((sum, file) => sum + file.lines, 0)
  const casts = files.reduce((sum, file) => sum + file.casts.length, 0)
  return [
    { name: 'longest file', value: Math.max(0, ...files.map((file) => file.lines)), limit: LIMITS.fileLines },
    { name: 'longest function', value: lengths.at(-1) ?? 0, limit: LIMITS.functionLines },
    { name: 'median function', value: quantile(lengths, 0.5), limit: LIMITS.medianFunctionLines },
    { name: '90 % of functions', value: quantile(lengths, 0.9), limit: LIMITS.ninetiethFunctionLines },
    { name: 'any', value: files.reduce((sum, file) => sum + file.anys.length, 0), limit: 0 },
    {
      name: 'casts per 1,000 lines',
      value: lines === 0 ? 0 : Math.round((casts / lines) * 100_000) / 100,
      limit: LIMITS.castsPerThousandLines,
    },
  ]
}

function placedViolations(files: readonly FileMeasures[]): string[] {
  return files.flatMap(({ file, lines, functions, anys, casts }) => [
    ...(lines > LIMITS.fileLines ? [`${file}:1 has ${lines} lines, limit ${LIMITS.fileLines}`] : []),
    ...functions
      .filter((found) => found.lines > LIMITS.functionLines)
      .map((found) => `${at(found)} ${found.name} has ${found.lines} lines, limit ${LIMITS.functionLines}`),
    ...anys.map((found) => `${at(found)} uses any`),
    ...casts
      .filter((cast) => !cast.explained)
      .map((cast) => `${at(cast)} casts without a comment on its line or the one before: ${cast.text}`),
  ])
}

/** Returns the smallest value that is not below the given share of the sorted values. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

function at({ file, line }: Place): string {
  return `${file}:${line}`
}
