import type { Principal } from './principal.ts'
import type { TokenEntry } from './tokens.ts'

const CHECK_MS = 2_000

interface Watched {
  readonly principal: Principal
  readonly end: () => void
}

/** Ends what is open in the name of a token soon after the token was taken away. */
export class TokenWatch {
  readonly #tokens: (() => readonly TokenEntry[]) | undefined
  readonly #watched = new Set<Watched>()
  #timer: NodeJS.Timeout | undefined

  /** @param tokens those of the moment; without them nothing is watched */
  constructor(tokens: (() => readonly TokenEntry[]) | undefined) {
    this.#tokens = tokens
  }

  /** Calls `end` when the principal's token is gone, unless `left` resolves before. */
  add(principal: Principal | undefined, end: () => void, left: Promise<void>): void {
    if (this.#tokens === undefined || principal === undefined) return
    const watched = { principal, end }
    this.#watched.add(watched)
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS).unref()
    void left.then(() => this.#remove(watched))
  }

  #remove(watched: Watched): void {
    this.#watched.delete(watched)
    if (this.#watched.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #check(): void {
    const known = new Set(this.#tokens?.().map(({ name, hash }) => `${hash} ${name}`))
    for (const { principal, end } of this.#watched) {
      const hash = 'hash' in principal ? principal.hash : undefined
      if (!known.has(`${hash} ${principal.name}`)) end()
    }
  }
}
