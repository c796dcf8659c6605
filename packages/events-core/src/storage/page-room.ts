/** What a page holds unless its query says otherwise: whoever reads it has all of it in memory. */
const PAGE_BYTES = 8 * 2 ** 20

/** The room that a page has left. The item that brings it to its limit of bytes is part of it, so no page is without one. */
export class PageRoom {
  #items: number
  #bytes: number

  constructor(items: number, bytes: number = PAGE_BYTES) {
    this.#items = items
    this.#bytes = bytes
  }

  get items(): number {
    return this.#items
  }

  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#items <= 0 || this.#bytes <= 0
  }

  /** Takes an item in, unless the page is full. */
  take(bytes: number): boolean {
    if (this.isFull) return false
    this.#items -= 1
    this.#bytes -= bytes
    return true
  }
}
