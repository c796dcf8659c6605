import type { PublishedEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { EventLog } from '../../storage/contract/storage.ts'
import { Dispatcher } from './dispatcher.ts'
import { LiveBuffer } from './live-buffer.ts'
import { LogReader, type LogReaderOptions } from './log-reader.ts'

export interface LogReadersOptions {
  readonly storage: Pick<EventLog, 'read' | 'head'>
  /** Returns the last position that was dispatched. */
  readonly dispatched: () => number
}

export interface SeatOptions extends Pick<LogReaderOptions, 'after' | 'signal' | 'readFailed'> {
  /** The position up to which the store is read at least. */
  readonly target?: number
}

/** A place in a live buffer, taken before it is known where the reader begins. The caller opens or leaves it, once. */
export interface Seat {
  open(options: SeatOptions): LogReader
  leave(): void
}

/** The readers of one bus, and the live buffers that they share: one for each filter that has readers. */
export class LogReaders {
  readonly #options: LogReadersOptions
  readonly #dispatcher = new Dispatcher()
  readonly #buffers = new Map<string, LiveBuffer>()

  constructor(options: LogReadersOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#buffers.size === 0
  }

  dispatch(event: PublishedEvent): void {
    this.#dispatcher.dispatch(event)
  }

  /** Takes a place after the last event of the buffer, which then keeps the events that are dispatched from now on. */
  join(filter: EventFilter): Seat {
    const key = keyOf(filter)
    const buffer = this.#bufferOf(key, filter)
    const place = buffer.end
    const { dispatched } = this.#options
    // The buffer may hold older events for readers that lag. This reader skips them, so it must read them from the store.
    const joinedAt = dispatched()
    const closed = () => this.#leave(key, buffer)
    return {
      open: ({ target = 0, ...options }) =>
        new LogReader({ ...options, target: Math.max(target, joinedAt), buffer, place, dispatched, closed }),
      leave: () => {
        buffer.members--
        closed()
      },
    }
  }

  #bufferOf(key: string, filter: EventFilter): LiveBuffer {
    const known = this.#buffers.get(key)
    const { storage, dispatched } = this.#options
    const buffer = known ?? new LiveBuffer({ log: storage, filter, covers: dispatched() })
    buffer.members++
    if (known !== undefined) return known
    this.#buffers.set(key, buffer)
    this.#dispatcher.add(buffer)
    return buffer
  }

  #leave(key: string, buffer: LiveBuffer): void {
    if (buffer.members > 0) return
    this.#dispatcher.remove(buffer)
    this.#buffers.delete(key)
  }
}

/** Returns the same key for filters that differ only in the order of their members. */
function keyOf(filter: EventFilter): string {
  return JSON.stringify(Object.entries(filter).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
