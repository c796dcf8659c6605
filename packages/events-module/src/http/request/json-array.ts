import type { Readable } from 'node:stream'
import { HttpError } from '../problem.ts'
import { type BatchLimits, BatchValues, type ParseValue } from './batch-values.ts'
import { bodyChunks, tooLarge } from './body-chunks.ts'
import { ByteCollector } from './byte-collector.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const ARRAY_BEGIN = 0x5b
const ARRAY_END = 0x5d
const OBJECT_BEGIN = 0x7b
const OBJECT_END = 0x7d
/** White space, and the bytes of a byte order mark. */
const SKIPPED: readonly number[] = [0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]

/**
 * Returns the values of a body that is a JSON array. Each is parsed by itself as soon as it is there: parsing 32 MiB in
 * one go holds up everybody else for seconds. What is no array is parsed as a whole, within the limit of one value.
 * @throws HttpError HTTP_BODY_TOO_LARGE as soon as a limit is passed; HTTP_BAD_JSON; HTTP_CLIENT_GONE when the body breaks
 *   off
 */
export async function readJsonArray(
  body: Readable,
  limits: BatchLimits & { readonly maxBytes: number },
  parse: ParseValue,
  parseWhole: (text: Buffer) => unknown,
): Promise<unknown> {
  const array = new JsonArray(new BatchValues(limits, parse), limits.maxValueBytes)
  const other = new ByteCollector()
  for await (const chunk of bodyChunks(body, limits.maxBytes)) {
    if (other.length > 0 || !array.take(chunk)) other.add(chunk)
    if (other.length > limits.maxValueBytes)
      throw tooLarge(`a body that is no array of events may have at most ${limits.maxValueBytes} bytes`)
  }
  if (other.length > 0) return parseWhole(other.take())
  return array.end()
}

/**
 * Finds where the values of an array end, by its brackets and strings; whether a value is JSON is for its parser to say.
 *
 * before: nothing but white space has come. inside: between the brackets. after: only white space may follow.
 */
class JsonArray {
  readonly #values: BatchValues
  readonly #maxBlankBytes: number
  #blankBytes = 0
  #state: 'before' | 'inside' | 'after' = 'before'
  /** Brackets that are open within the value. */
  #depth = 0
  #inString = false
  #isEscaped = false
  /** Whether a comma was read, after which there must be a value. */
  #needsValue = false

  /** @param maxBlankBytes how much white space may stand around the array */
  constructor(values: BatchValues, maxBlankBytes: number) {
    this.#values = values
    this.#maxBlankBytes = maxBlankBytes
  }

  /** @returns false when this is no array */
  take(chunk: Buffer): boolean {
    let from = 0
    if (this.#state === 'before') {
      from = this.#skipBlank(chunk)
      if (from === chunk.length) return true
      if (chunk[from] !== ARRAY_BEGIN) return false
      this.#state = 'inside'
      from += 1
    }
    const rest = this.#state === 'inside' ? this.#takeValues(chunk, from) : from
    if (this.#skipBlank(chunk.subarray(rest)) < chunk.length - rest)
      throw notArray('something follows the array')
    return true
  }

  /** Returns the values; undefined for an empty body. */
  end(): readonly unknown[] | undefined {
    if (this.#state === 'inside') throw notArray('it ends before its array does')
    return this.#state === 'before' ? undefined : this.#values.all
  }

  /** @returns where something else than white space comes; the length when nothing does */
  #skipBlank(chunk: Buffer): number {
    const end = indexOfOther(chunk)
    this.#blankBytes += end
    if (this.#blankBytes > this.#maxBlankBytes)
      throw tooLarge(`there may be at most ${this.#maxBlankBytes} bytes of white space around the array`)
    return end
  }

  /** @returns where the chunk goes on behind the array */
  #takeValues(chunk: Buffer, start: number): number {
    let from = start
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0
      const isEnd = this.#isEnd(byte)
      if (!isEnd && byte !== COMMA) continue
      if (!isEnd && (this.#depth > 0 || this.#inString)) continue
      this.#values.add(chunk.subarray(from, at))
      this.#finishValue(isEnd)
      from = at + 1
      if (isEnd) return from
    }
    this.#values.add(chunk.subarray(from))
    return chunk.length
  }

  /** Takes note of a byte. @returns whether the array ends with it */
  #isEnd(byte: number): boolean {
    if (this.#inString) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) this.#inString = false
    } else if (byte === QUOTE) this.#inString = true
    else if (byte === ARRAY_BEGIN || byte === OBJECT_BEGIN) this.#depth += 1
    else if (byte === ARRAY_END || byte === OBJECT_END) {
      if (this.#depth === 0 && byte === ARRAY_END) return true
      this.#depth -= 1
    }
    return false
  }

  #finishValue(isEnd: boolean): void {
    const isValue = this.#values.finish()
    if (!isValue && (this.#needsValue || !isEnd)) throw notArray('there is a comma without a value')
    this.#needsValue = !isEnd
    if (isEnd) this.#state = 'after'
  }
}

/** Returns the index of the first byte that is not white space; the length if there is none. */
function indexOfOther(chunk: Buffer): number {
  const index = chunk.findIndex((byte) => !SKIPPED.includes(byte))
  return index === -1 ? chunk.length : index
}

function notArray(why: string): HttpError {
  return new HttpError('HTTP_BAD_JSON', `the body is not JSON: ${why}`)
}
