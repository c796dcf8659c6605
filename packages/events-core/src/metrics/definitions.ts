/** A metric as its registry and the reference page describe it. */
export interface MetricDefinition {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[]
}

/** Reasons for which an event was not delivered or not stored, with their meanings. */
export const DROP_REASONS = {
  buffer_full: 'the write buffer had no room for the event',
  queue_full: "a live subscription's queue had no room for the event",
  stopped: 'the bus or the subscription was stopped before its turn came',
  storage: 'the store refused the event, and no publisher was waiting to be told',
  expired: "the event's TTL passed while it waited for a handler",
} as const satisfies Record<string, string>

/**
 * Every metric of a bus. The counters and histograms are updated by `EventMetrics`; the gauges are read at each scrape. The
 * buckets of `publishDuration` reach from a memory store's microseconds to the default timeout, those of `handlerDuration`
 * to the 30 s after which a handler times out by default.
 */
export const METRICS = {
  published: {
    name: 'viewra_events_published_total',
    kind: 'counter',
    help: 'Events published, by type and priority band.',
    labels: ['type', 'priority'],
  },
  delivered: {
    name: 'viewra_events_delivered_total',
    kind: 'counter',
    help: 'Events that a handler has handled, by subscription.',
    labels: ['subscription'],
  },
  dropped: {
    name: 'viewra_events_dropped_total',
    kind: 'counter',
    help: 'Events that were not stored or not delivered, by reason.',
    labels: ['reason'],
  },
  handlerErrors: {
    name: 'viewra_events_handler_errors_total',
    kind: 'counter',
    help: 'Calls of a handler that failed or timed out, by subscription.',
    labels: ['subscription'],
  },
  missed: {
    name: 'viewra_events_missed_total',
    kind: 'counter',
    help: 'Positions that retention removed before a durable subscription had handled them, by subscription.',
    labels: ['subscription'],
  },
  storageErrors: {
    name: 'viewra_events_storage_errors_total',
    kind: 'counter',
    help: 'Storage operations that failed, by operation.',
    labels: ['operation'],
  },
  payloadMismatches: {
    name: 'viewra_events_payload_mismatches_total',
    kind: 'counter',
    help: 'Events whose payload differs from the schema of their type, by type.',
    labels: ['type'],
  },
  handlerDuration: {
    name: 'viewra_events_handler_duration_seconds',
    kind: 'histogram',
    help: 'Duration of calls of a handler, by subscription.',
    labels: ['subscription'],
    buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
  },
  publishDuration: {
    name: 'viewra_events_publish_duration_seconds',
    kind: 'histogram',
    help: 'Time that publishers waited until their event was stored.',
    labels: [],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  batchSize: {
    name: 'viewra_events_batch_size',
    kind: 'histogram',
    help: 'Events that were written together.',
    labels: [],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
  },
  storageDuration: {
    name: 'viewra_events_storage_operation_duration_seconds',
    kind: 'histogram',
    help: 'Duration of storage operations, by operation.',
    labels: ['operation'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10],
  },
  bufferEvents: {
    name: 'viewra_events_buffer_events',
    kind: 'gauge',
    help: 'Events that wait to be written.',
    labels: [],
  },
  bufferCapacity: {
    name: 'viewra_events_buffer_capacity',
    kind: 'gauge',
    help: 'Events that may wait to be written.',
    labels: [],
  },
  oldestWrite: {
    name: 'viewra_events_oldest_write_seconds',
    kind: 'gauge',
    help: 'Age of the oldest write that the store has not answered; 0 if there is none.',
    labels: [],
  },
  listenUp: {
    name: 'viewra_events_listen_up',
    kind: 'gauge',
    help: "1 while the store notifies the bus of other processes' events, 0 while the bus only polls for them; absent for stores that need no notifications.",
    labels: [],
  },
  storedEvents: {
    name: 'viewra_events_stored_events',
    kind: 'gauge',
    help: 'Events in the store; absent while it cannot be read.',
    labels: [],
  },
  deadLetters: {
    name: 'viewra_events_dead_letters',
    kind: 'gauge',
    help: 'Dead letters in the store; absent while it cannot be read.',
    labels: [],
  },
  streamClients: {
    name: 'viewra_events_stream_clients',
    kind: 'gauge',
    help: 'Open streams, by the name that their opener gave them: http-stream and websocket are those of the HTTP API.',
    labels: ['transport'],
  },
  subscriptionLag: {
    name: 'viewra_events_subscription_lag',
    kind: 'gauge',
    help: 'Events that wait or are being handled, by subscription; for a durable one or a processor, positions between its checkpoint and the head, in the process that runs it.',
    labels: ['subscription'],
  },
  workerLastRun: {
    name: 'viewra_events_worker_last_run_timestamp_seconds',
    kind: 'gauge',
    help: 'When a worker last did something in this process, in seconds since 1970, by worker; absent until it has.',
    labels: ['worker'],
  },
  workerFigures: {
    name: 'viewra_events_worker_figure',
    kind: 'gauge',
    help: 'What a worker reports of itself, by worker and name of the figure, such as keys of a processor or waiting jobs.',
    labels: ['worker', 'figure'],
  },
} as const satisfies Record<string, MetricDefinition>
