/** The share of time that a costly query may take at most is one in so many parts. */
const SHARE = 10

/**
 * Answers a query over all types, whose number publishers determine. An answer over many types is reused for ten times as long
 * as it took: else two clients that ask over and over would keep the store from everything else. Other answers are exact.
 */
export class CostlyAnswers<T> {
  readonly #isCostly: (answer: T) => boolean
  #last: { readonly answer: T; readonly untilMs: number } | undefined

  /** @param isCostly returns whether an answer is over so many types that it may be reused */
  constructor(isCostly: (answer: T) => boolean) {
    this.#isCostly = isCostly
  }

  async get(query: () => Promise<T>): Promise<T> {
    const beganMs = performance.now()
    if (this.#last !== undefined && beganMs < this.#last.untilMs) return this.#last.answer
    const answer = await query()
    const endedMs = performance.now()
    const untilMs = endedMs + (endedMs - beganMs) * (SHARE - 1)
    this.#last = this.#isCostly(answer) ? { answer, untilMs } : undefined
    return answer
  }
}

/** The number of types in the store's answer from which on it does not list all of them. */
export const MANY_TYPES = 1_000
