import { within } from '../within.ts'
import type { BusGauges } from './metrics.ts'

/** How long a scrape waits for the store to report how many events it has. */
const ANSWER_MS = 1_000

/** A bus whose figures are read at each scrape. */
export class AttachedBus {
  readonly #gauges: () => BusGauges
  /** Returns the label of a subscription's series. */
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

  /** Returns how many events the store has; undefined if it does not respond within a second. */
  storedEvents(): Promise<number | undefined> {
    return this.#storedEvents.ask(() => this.read().storedEvents())
  }

  /** Returns the same for dead letters. */
  deadLetters(): Promise<number | undefined> {
    return this.#deadLetters.ask(() => this.read().deadLetters())
  }
}

/** A query to the store. A pending one is not repeated, so scrapes of a hanging store do not pile up. */
class Question {
  #asked: Promise<number | undefined> | undefined

  /** Returns undefined if there is no response within a second. */
  async ask(question: () => Promise<number | undefined>): Promise<number | undefined> {
    this.#asked ??= answerTo(question).finally(() => {
      this.#asked = undefined
    })
    return within(ANSWER_MS, this.#asked)
  }
}

async function answerTo(question: () => Promise<number | undefined>): Promise<number | undefined> {
  try {
    return await question()
  } catch {
    // The bus has counted and logged the failure; it must not cost the scrape's other figures.
    return undefined
  }
}
