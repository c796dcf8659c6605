import mitt, { type Emitter } from 'mitt'
import type { PublishedEvent } from '../../event/event.ts'

/** Who gets events: the dispatcher asks once per type, and offers each event of the types that were wanted. */
export interface Receiver {
  wantsType(type: string): boolean
  readonly offer: (event: PublishedEvent) => void
}

/** Publishers may invent types without end; bindings are made again as needed when they are more than this. */
const MAX_CHANNELS = 10_000

/**
 * Brings each event to the receivers of its type, through one mitt channel per type. A receiver is bound to a type
 * when the type is first seen (or when it comes later itself), so that no wildcard is looked at per event.
 */
export class Dispatcher {
  readonly #emitter: Emitter<Record<string, PublishedEvent>> = mitt()
  readonly #receivers = new Set<Receiver>()

  add(receiver: Receiver): void {
    this.#receivers.add(receiver)
    for (const type of this.#emitter.all.keys()) this.#bind(receiver, type)
  }

  remove(receiver: Receiver): void {
    this.#receivers.delete(receiver)
    for (const type of this.#emitter.all.keys()) this.#emitter.off(type, receiver.offer)
  }

  dispatch(event: PublishedEvent): void {
    if (this.#receivers.size === 0) return
    const { type } = event
    if (!this.#emitter.all.has(type)) this.#open(type)
    this.#emitter.emit(type, event)
  }

  #open(type: string): void {
    if (this.#emitter.all.size >= MAX_CHANNELS) this.#emitter.all.clear()
    this.#emitter.all.set(type, [])
    for (const receiver of this.#receivers) this.#bind(receiver, type)
  }

  #bind(receiver: Receiver, type: string): void {
    if (receiver.wantsType(type)) this.#emitter.on(type, receiver.offer)
  }
}
