import type { DROP_REASONS } from './definitions.ts'

/** Why an event was not delivered or not stored. */
export type DropReason = keyof typeof DROP_REASONS

/** Figures of a worker, which health and each scrape read. */
export interface WorkerGauges {
  /** Events that wait or are being handled, by subscription name. */
  readonly lag?: ReadonlyMap<string, number>
  /** When it last did something in this process, in milliseconds since 1970, by the clock of its host. */
  readonly lastRunMs?: number | undefined
  /** Anything else, by name. */
  readonly figures?: Readonly<Record<string, number>>
}

/** Figures that are read on demand, not counted as things happen. */
export interface BusGauges {
  readonly bufferEvents: number
  readonly bufferCapacity: number
  /** How long the oldest unanswered write has been with the store; 0 if there is none. */
  readonly oldestWriteSeconds: number
  /** Events that wait or are being handled, by subscription name. */
  readonly subscriptionLag: ReadonlyMap<string, number>
  /** What each worker reports, by its name. */
  readonly workers: ReadonlyMap<string, WorkerGauges>
  /** Open streams, by the name that their opener gave them: `http-stream`, `ws`, … */
  readonly streamClients: ReadonlyMap<string, number>
  /** Whether the store notifies the bus of other processes' events; undefined if it has no channel for that. */
  readonly isListening: boolean | undefined
  /** Events in the store; undefined while it cannot be read. */
  readonly storedEvents: () => Promise<number | undefined>
  /** Dead letters in the store; undefined while it cannot be read. */
  readonly deadLetters: () => Promise<number | undefined>
}

/** What a bus measures. `prometheusMetrics` in `@viewra/events-core/prometheus` turns it into Prometheus series. */
export interface EventMetrics {
  published(type: string, priority: number): void
  /** @param events 1 by default */
  delivered(subscription: string, events?: number): void
  dropped(reason: DropReason, count: number): void
  handlerError(subscription: string): void
  /** Counts positions that retention removed before a partition of the subscription had handled them. */
  missed(subscription: string, positions: number): void
  handlerDuration(subscription: string, seconds: number): void
  publishDuration(seconds: number): void
  batchSize(events: number): void
  storageOperation(operation: string, seconds: number): void
  storageError(operation: string): void
  /** Counts a payload that differs from its type's schema. */
  payloadMismatch(type: string): void
  /** Lets `gauges` be read at each scrape. Returns a function that ends this. */
  attach(gauges: () => BusGauges): () => void
  /** Removes the series of a subscription that has ended. */
  forgetSubscription(subscription: string): void
}
