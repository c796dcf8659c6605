import type { Issue } from '@viewra/events-core'

/** A text without a match of either has no number that could be lossy; nearly all have none, and need no closer look. */
// It begins where digits begin: from each digit on, a text of nothing else would take hours.
const LONG_NUMBER = /(?<!\d)\d{16,}[.eE\s,\]}]/
const BIG_EXPONENT = /[eE][+-]?\d{3,}[\s,\]}]/

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** Written without an exponent, as integers of other systems are: with one, a rounded number is what its writer has. */
const PLAIN = /^(-?\d+)(?:\.\d+)?$/
/** A longer number is told by its length. */
const MAX_SHOWN = 40

/**
 * Finds the first number of a JSON document that JavaScript cannot hold as it is written: an integer whose digits would
 * change, also with a fraction behind it, a number so large that it is infinite, or so small that it is 0. Digits behind the
 * point that no double has are rounded, as everywhere.
 * @param json valid JSON
 * @param at the path of the document in the body
 */
export function findLossyNumber(json: string, at: string): Issue | undefined {
  // The end is a token's end, too.
  if (!LONG_NUMBER.test(json) && !BIG_EXPONENT.test(json) && !/^[-\d]/.test(json)) return undefined
  return new NumberSearch(json).first(at)
}

/** Says what is wrong with a number as it is written; undefined when it comes out as it went in. */
export function lossOf(number: string): string | undefined {
  const value = Number(number)
  if (!isLossy(number, value)) return undefined
  const shown = number.length > MAX_SHOWN ? `a number of ${number.length} characters` : number
  return `must be sent as a string in quotes: as a number, ${shown} would become ${value}`
}

function isLossy(number: string, value: number): boolean {
  if (!Number.isFinite(value)) return true
  if (value === 0) return /^[^eE]*[1-9]/.test(number)
  if (Number.isSafeInteger(Math.trunc(value))) return false
  const [, integer] = PLAIN.exec(number) ?? []
  return integer !== undefined && String(value) !== integer
}

/** An array or object that is open where the search is. */
interface Container {
  /** The index of the current item; undefined in an object. */
  index?: number
  /** The start and end of the current key's token. */
  key: readonly [number, number]
}

/** Walks over a document from token to token, without recursion: how deep it is nested is the sender's choice. */
class NumberSearch {
  readonly #json: string
  readonly #open: Container[] = []
  #at = 0
  #lastString: readonly [number, number] = [0, 0]

  constructor(json: string) {
    this.#json = json
  }

  first(at: string): Issue | undefined {
    while (this.#at < this.#json.length) {
      const number = this.#step()
      const message = number === undefined ? undefined : lossOf(number)
      if (message !== undefined)
        return { path: [at, ...this.#path()].filter((key) => key !== '').join('.'), message }
    }
    return undefined
  }

  /** Goes behind the next token, and returns it when it is a number. */
  #step(): string | undefined {
    const char = this.#json.charAt(this.#at)
    if (char === '"') return this.#skipString()
    if (char === '-' || (char >= '0' && char <= '9')) return this.#number()
    this.#at++
    this.#structure(char, this.#open.at(-1))
    return undefined
  }

  #structure(char: string, inside: Container | undefined): void {
    if (char === '{') this.#open.push({ key: [0, 0] })
    else if (char === '[') this.#open.push({ index: 0, key: [0, 0] })
    else if (char === '}' || char === ']') this.#open.pop()
    else if (char === ':' && inside !== undefined) inside.key = this.#lastString
    else if (char === ',' && inside?.index !== undefined) inside.index++
  }

  #number(): string | undefined {
    NUMBER.lastIndex = this.#at
    const [number = ''] = NUMBER.exec(this.#json) ?? []
    this.#at += number.length
    return number
  }

  #skipString(): undefined {
    const start = this.#at
    let end = this.#json.indexOf('"', start + 1)
    while (this.#isEscaped(end)) end = this.#json.indexOf('"', end + 1)
    this.#at = end + 1
    this.#lastString = [start, this.#at]
  }

  /** Returns whether an odd number of backslashes precedes it. */
  #isEscaped(quote: number): boolean {
    let first = quote
    while (this.#json.charAt(first - 1) === '\\') first--
    return (quote - first) % 2 === 1
  }

  #path(): readonly string[] {
    return this.#open.map(({ index, key }) =>
      index === undefined ? String(JSON.parse(this.#json.slice(...key))) : String(index),
    )
  }
}
