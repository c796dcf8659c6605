import type { EventInput } from '@viewra/events-core'

/** The destination of a scan's events. */
export interface Publisher {
  /**
   * Resolves once the event is stored, which slows the scan down when the store is slower than the disk.
   * @throws if the event was refused, or could not be stored for too long
   */
  publish<T extends string>(event: EventInput<T>): Promise<void>
  /** Releases the publisher's resources; everything published is stored by then. */
  close(): Promise<void>
}
