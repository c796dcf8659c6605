import type { EventInput } from '@viewra/events-core'
import type { Publisher } from '../src/publishers/publisher.ts'

/** Records what is published; `before` may delay an event, or refuse it by throwing. */
export class Recorder implements Publisher {
  readonly events: EventInput[] = []
  readonly #before: (event: EventInput) => unknown

  constructor(before: (event: EventInput) => unknown = () => undefined) {
    this.#before = before
  }

  async publish(event: EventInput): Promise<void> {
    await this.#before(event)
    this.events.push(event)
  }

  async close(): Promise<void> {}

  /** Returns the data of the events of a type. */
  data(type: string) {
    return this.events.filter((event) => event.type === type).map((event) => event.data ?? {})
  }

  types(): string[] {
    return this.events.map((event) => event.type)
  }
}
