import type { EventInput } from '@viewra/events-core'

/** Where a scan's events go. */
export interface Publisher {
  /**
   * Resolves once the event is stored, which is what holds the scan back when the store is slower than the disk.
   * @throws when the event was refused, or could not be stored for too long
   */
  publish<T extends string>(event: EventInput<T>): Promise<void>
  /** Releases what the publisher holds; everything published is stored by then. */
  close(): Promise<void>
}
