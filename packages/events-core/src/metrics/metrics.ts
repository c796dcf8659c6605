/** Why an event was not delivered or not stored. */
export type DropReason = 'buffer_full' | 'queue_full' | 'stopped' | 'storage' | 'expired'

/** Figures that are read when somebody looks, not counted as things happen. */
export interface BusGauges {
  readonly bufferEvents: number
  readonly bufferCapacity: number
  /** How long the store has had the oldest write that it has not answered; 0 while there is none. */
  readonly oldestWriteSeconds: number
  /** Events that wait or are being handled, by subscription name. */
  readonly subscriptionLag: ReadonlyMap<string, number>
  /** Open streams, by the name that whoever opened them gave: `http-stream`, `ws`, … */
  readonly streamClients: ReadonlyMap<string, number>
  /** Whether others' events are told by the store; undefined when it has no channel for that. */
  readonly isListening: boolean | undefined
  /** Events in the store; undefined while it cannot be asked. */
  readonly storedEvents: () => Promise<number | undefined>
  /** Dead letters in the store; undefined while it cannot be asked. */
  readonly deadLetters: () => Promise<number | undefined>
}

/** What a bus measures. `prometheusMetrics` in `@viewra/events-core/prometheus` makes Prometheus series of it. */
export interface EventMetrics {
  published(type: string, priority: number): void
  /** @param events 1 by default */
  delivered(subscription: string, events?: number): void
  dropped(reason: DropReason, count: number): void
  handlerError(subscription: string): void
  /** Retention removed so many positions before a partition of the subscription had come to them. */
  missed(subscription: string, positions: number): void
  handlerDuration(subscription: string, seconds: number): void
  publishDuration(seconds: number): void
  batchSize(events: number): void
  storageOperation(operation: string, seconds: number): void
  storageError(operation: string): void
  /** A payload differs from what its type's schema says. */
  payloadMismatch(type: string): void
  /** Has `gauges` read at each scrape, until the function that it returns is called. */
  attach(gauges: () => BusGauges): () => void
  /** Forgets the series of a subscription that is gone. */
  forgetSubscription(subscription: string): void
}
