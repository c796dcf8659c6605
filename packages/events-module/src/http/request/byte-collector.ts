const FIRST_BYTES = 1_024

/**
 * Collects bytes that come in parts, in one growing buffer: a list of the parts would take a hundred times the memory of
 * the bytes when a client sends each as a chunk of its own.
 */
export class ByteCollector {
  #buffer = Buffer.alloc(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  add(part: Uint8Array): void {
    const length = this.#length + part.length
    if (length > this.#buffer.length) this.#grow(length)
    this.#buffer.set(part, this.#length)
    this.#length = length
  }

  /** Hands out what there is, and begins anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length)
    this.#buffer = Buffer.alloc(0)
    this.#length = 0
    return taken
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(length, this.#buffer.length * 2, FIRST_BYTES))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}
