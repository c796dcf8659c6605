/** The default size limit of a page, which its reader holds in memory as a whole. */
const PAGE_BYTES = 8 * 2 ** 20

/** The remaining room of a page. The item that reaches the size limit is still part of the page, so no page is empty. */
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

  /** Adds an item and returns true, unless the page is full. */
  take(bytes: number): boolean {
    if (this.isFull) return false
    this.#items -= 1
    this.#bytes -= bytes
    return true
  }
}
