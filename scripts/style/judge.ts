import type { FileMeasures } from './measure.ts'

/** Limits over all source files together; Biome checks those of single files. */
const LIMITS = {
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
      ...unexplainedCasts(files),
      ...beyond.map(({ name, value, limit }) => `${name}: ${value}, limit ${limit}`),
    ],
  }
}

function figuresOf(files: readonly FileMeasures[]): Figure[] {
  const lengths = files.flatMap((file) => file.functions).sort((a, b) => a - b)
  const lines = files.reduce((sum, file) => sum + file.lines, 0)
  const casts = files.reduce((sum, file) => sum + file.casts.length, 0)
  return [
    { name: 'median function', value: quantile(lengths, 0.5), limit: LIMITS.medianFunctionLines },
    { name: '90 % of functions', value: quantile(lengths, 0.9), limit: LIMITS.ninetiethFunctionLines },
    {
      name: 'casts per 1,000 lines',
      value: lines === 0 ? 0 : Math.round((casts / lines) * 100_000) / 100,
      limit: LIMITS.castsPerThousandLines,
    },
  ]
}

function unexplainedCasts(files: readonly FileMeasures[]): string[] {
  return files.flatMap(({ casts }) =>
    casts
      .filter((cast) => !cast.explained)
      .map(
        ({ file, line, text }) =>
          `${file}:${line} casts without a comment on its line or the one before: ${text}`,
      ),
  )
}

/** Returns the smallest value that is not below the given share of the sorted values. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
