import { tooLarge } from './body-chunks.ts'
import { ByteCollector } from './byte-collector.ts'

export interface BatchLimits {
  readonly maxValues: number
  /** The limit of one value, so that no client makes the server parse a whole body at once. */
  readonly maxValueBytes: number
}

/** Makes a value of its bytes; the second argument is its index. */
export type ParseValue = (text: Buffer, index: number) => unknown

/** The values of a batch, each parsed as soon as all of its bytes are there. */
export class BatchValues {
  readonly #limits: BatchLimits
  readonly #parse: ParseValue
  readonly #values: unknown[] = []
  readonly #text = new ByteCollector()

  constructor(limits: BatchLimits, parse: ParseValue) {
    this.#limits = limits
    this.#parse = parse
  }

  get all(): readonly unknown[] {
    return this.#values
  }

  /** Adds a part of the current value. */
  add(part: Buffer): void {
    const { maxValueBytes } = this.#limits
    if (this.#text.length + part.length > maxValueBytes)
      throw tooLarge(`event ${this.#values.length} is larger than ${maxValueBytes} bytes`)
    this.#text.add(part)
  }

  /** Ends the current value. @returns whether there was one: it may be blank */
  finish(): boolean {
    const { maxValues } = this.#limits
    const text = this.#text.take()
    if (isBlank(text)) return false
    if (this.#values.length === maxValues) throw tooLarge(`send at most ${maxValues} events at once`)
    this.#values.push(this.#parse(text, this.#values.length))
    return true
  }
}

/** Returns whether a text contains only JSON white space. */
function isBlank(text: Buffer): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)
}
