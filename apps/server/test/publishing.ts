import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'

/** Publishes over and over until the server is gone; `acknowledged` grows with each 201. */
export class Publishing {
  readonly acknowledged: string[] = []
  /** Answers other than 201. */
  readonly refusals: number[] = []
  readonly done: Promise<unknown>
  readonly #url: string
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(url: string, publishers: number) {
    this.#url = `${url}/api/v1/events`
    this.done = Promise.all(Array.from({ length: publishers }, (_, publisher) => this.#publish(publisher)))
  }

  async reaches(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ count, resolve })
    await Promise.race([promise, this.done])
    if (this.acknowledged.length < count)
      throw new Error(`the server was gone after ${this.acknowledged.length}`)
  }

  async #publish(publisher: number): Promise<void> {
    for (let number = 0; ; number++) {
      const id = `${publisher}-${number}`
      const status = await this.#post(id)
      if (status === undefined) return
      if (status === 201) this.acknowledged.push(id)
      else this.refusals.push(status)
      for (const { count, resolve } of this.#waiting) if (this.acknowledged.length >= count) resolve()
    }
  }

  async #post(id: string): Promise<number | undefined> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id, type: 'test.published', source: 'system', data: { id } }),
      })
      await response.text()
      return response.status
    } catch {
      // The connection was refused or cut: nothing was promised.
      return undefined
    }
  }
}

/** A publish of which the server has the head and waits for the body. */
export class HeldPublish {
  readonly #request: ClientRequest
  readonly #body = JSON.stringify({ id: 'held', type: 'test.held', source: 'system' })
  readonly #response: Promise<IncomingMessage | undefined>

  private constructor(url: string) {
    this.#request = request(`${url}/api/v1/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': this.#body.length,
        expect: '100-continue',
      },
    })
    this.#response = new Promise((resolve) => {
      this.#request.once('response', resolve)
      this.#request.once('error', () => resolve(undefined))
    })
  }

  static async open(url: string): Promise<HeldPublish> {
    const held = new HeldPublish(url)
    held.#request.flushHeaders()
    await once(held.#request, 'continue')
    return held
  }

  /** Sends the body. @returns the status; undefined when the connection was cut */
  async finish(): Promise<number | undefined> {
    this.#request.end(this.#body)
    return this.status()
  }

  async status(): Promise<number | undefined> {
    return (await this.#response)?.statusCode
  }
}
