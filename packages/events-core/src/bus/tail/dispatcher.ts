import mitt, { type Emitter } from 'mitt'
import type { PublishedEvent } from '../../event/event.ts'

/** A receiver of events: the dispatcher asks it once per type, and offers it each event of the wanted types. */
export interface Receiver {
  wantsType(type: string): boolean
  readonly offer: (event: PublishedEvent) => void
}

/**
 * Publishers may invent any number of types: beyond this number of channels, all bindings are dropped and made again when
 * needed.
 */
const MAX_CHANNELS = 10_000

/**
 * Passes each event to the receivers of its type, through one mitt channel per type. A receiver is bound to a type when the
 * type first occurs, or when the receiver is added later, so that no wildcard is evaluated per event.
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
