/** What a round measured, by column name; the first figure is the one that is compared. */
export type Figures = Readonly<Record<string, number>>

export interface Contender {
  readonly name: string
  /** Runs one round. It must do the same work each time. */
  readonly round: () => Promise<Figures>
}

export interface Standing {
  readonly name: string
  /** Medians over the rounds. */
  readonly figures: Figures
  /** Ratio of the first figure to that of the reference: the median of the rounds' ratios. */
  readonly ratio: number
}

export interface ContestOptions {
  readonly title: string
  readonly contenders: readonly Contender[]
  /** The contender with which the others are compared; the first one by default. */
  readonly reference?: string
  readonly rounds: number
}

/**
 * Measures contenders in turn, round by round, so that a machine that becomes slower or busier does so for all of them.
 * Ratios are taken within a round, and their median is what counts. (tinybench and mitata finish one contender
 * before the next, which on a shared machine measures the machine.)
 */
export class Contest {
  readonly title: string
  readonly standings: readonly Standing[]
  readonly #rounds: ReadonlyMap<string, readonly Figures[]>

  private constructor({ title, contenders, reference }: ContestOptions, rounds: Map<string, Figures[]>) {
    this.title = title
    this.#rounds = rounds
    const compared = reference ?? contenders[0]?.name ?? ''
    this.standings = contenders.map(({ name }) => ({
      name,
      figures: mediansOf(rounds.get(name) ?? []),
      ratio: this.ratio(name, compared),
    }))
  }

  /** Runs a round to warm up, and then those that count. */
  static async run(options: ContestOptions): Promise<Contest> {
    const rounds = new Map<string, Figures[]>(options.contenders.map(({ name }) => [name, []]))
    for (let round = 0; round <= options.rounds; round++) {
      for (const { name, round: measure } of options.contenders) {
        globalThis.gc?.()
        const figures = await measure()
        if (round > 0) rounds.get(name)?.push(figures)
      }
    }
    return new Contest(options, rounds)
  }

  /** Returns the ratio of a contender's figure to the reference's: the median over the rounds. */
  ratio(name: string, reference: string, figure?: string): number {
    const others = this.#rounds.get(reference) ?? []
    const own = this.#rounds.get(name) ?? []
    return median(
      own.map((figures, round) => figureOf(figures, figure) / figureOf(others[round] ?? {}, figure)),
    )
  }

  figure(name: string, figure?: string): number {
    return median((this.#rounds.get(name) ?? []).map((figures) => figureOf(figures, figure)))
  }
}

function figureOf(figures: Figures, figure: string | undefined): number {
  return (figure === undefined ? Object.values(figures)[0] : figures[figure]) ?? Number.NaN
}

function mediansOf(rounds: readonly Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(
    names.map((name) => [name, median(rounds.map((figures) => figureOf(figures, name)))]),
  )
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
}
