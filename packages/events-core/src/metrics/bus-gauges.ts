import type { BusGauges } from './metrics.ts'

/** How long a scrape waits for the store to say how many events it has. */
const ANSWER_MS = 1_000

/** A bus whose figures are read at each scrape. */
export class AttachedBus {
  readonly #gauges: () => BusGauges
  /** The label of a subscription's series. */
  readonly labelOf: (subscription: string) => string
  readonly #storedEvents = new Question()
  readonly #deadLetters = new Question()

  constructor(gauges: () => BusGauges, labelOf: (subscription: string) => string) {
    this.#gauges = gauges
    this.labelOf = labelOf
  }

  read(): BusGauges {
    return this.#gauges()
  }

  /** How many events the store has, or undefined when it does not say so within a second. */
  storedEvents(): Promise<number | undefined> {
    return this.#storedEvents.ask(() => this.read().storedEvents())
  }

  /** The same of dead letters. */
  deadLetters(): Promise<number | undefined> {
    return this.#deadLetters.ask(() => this.read().deadLetters())
  }
}

/** A question to the store. One that is still open is not asked again, so scrapes of a store that hangs do not pile up. */
class Question {
  #asked: Promise<number | undefined> | undefined

  /** Undefined when there is no answer within a second. */
  async ask(question: () => Promise<number | undefined>): Promise<number | undefined> {
    this.#asked ??= answerTo(question).finally(() => {
      this.#asked = undefined
    })
    const limit = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => limit.resolve(undefined), ANSWER_MS)
    try {
      return await Promise.race([this.#asked, limit.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

async function answerTo(question: () => Promise<number | undefined>): Promise<number | undefined> {
  try {
    return await question()
  } catch {
    // The bus has counted and logged what failed; the scrape's other figures must not go with it.
    return undefined
  }
}

/** Undefined when one of them is, or there is none: a part of a sum would be taken for the whole. */
export function sum(figures: readonly (number | undefined)[]): number | undefined {
  if (figures.length === 0) return undefined
  return figures.reduce((total, figure) =>
    total === undefined || figure === undefined ? undefined : total + figure,
  )
}

/** Events that wait for each subscription, by label, over all buses. */
export function lagByLabel(buses: Iterable<AttachedBus>): ReadonlyMap<string, number> {
  const lags = new Map<string, number>()
  for (const bus of buses) {
    for (const [subscription, lag] of bus.read().subscriptionLag) {
      const label = bus.labelOf(subscription)
      lags.set(label, (lags.get(label) ?? 0) + lag)
    }
  }
  return lags
}
