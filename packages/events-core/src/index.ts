export type {
  BusHealth,
  BusStats,
  DurableSubscriptionInfo,
  EventBusOptions,
  EventHandler,
  EventOf,
  HandlerContext,
  HealthCheck,
  HealthStatus,
  Logger,
  Overflow,
  PublishOptions,
  PublishReceipt,
  RetryPolicy,
  StartPosition,
  StopReport,
  SubscribeOptions,
  Subscription,
  SubscriptionInfo,
} from './bus/api.ts'
export { createEventBus, EventBus } from './bus/bus.ts'
export type { DeadLetters } from './bus/durable/dead-letters.ts'
export type { DurableSubscriptions } from './bus/durable/subscriptions.ts'
export type { EventFeed } from './bus/feed/event-feed.ts'
export type { FeedItem, FeedOptions, FeedReceiver } from './bus/feed/feed-item.ts'
export type { StreamNotice, StreamOptions } from './bus/feed/stream.ts'
export { guardedLogger } from './bus/guarded.ts'
export type { BusHost, BusWorker, RunningWorker } from './bus/workers/worker.ts'
export { CATALOGUE } from './catalogue/catalogue.ts'
export type { EventTypeDefinition } from './catalogue/definition.ts'
export { catalogueRegistry, type EventTypeRegistry } from './catalogue/registry.ts'
export { ERROR_CODES, type ErrorCode, EventsError, type Issue, isEventsError } from './errors.ts'
export {
  createEvent,
  type EventFields,
  type EventInput,
  type EventTypes,
  PRIORITY,
  type PublishedEvent,
  pluginEvent,
  type StoredEvent,
  systemEvent,
  userEvent,
} from './event/event.ts'
export { CLOUD_EVENT_ATTRIBUTES, type Extensions, type ExtensionValue } from './event/extensions.ts'
export { createEventId } from './event/id.ts'
export type { JsonObject, JsonValue } from './event/json.ts'
export { compileFilter, type EventFilter } from './filter/filter.ts'
export { validateFilter } from './filter/validate.ts'
export { getGlobalEventBus, setGlobalEventBus } from './global.ts'
export type { BusGauges, DropReason, EventMetrics, WorkerGauges } from './metrics/metrics.ts'
export type {
  Changes,
  Checkpoint,
  CommitCondition,
  CommitResult,
  Commits,
  DocumentChange,
  StateChanges,
} from './storage/contract/commit.ts'
export type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStore,
  Failure,
} from './storage/contract/dead-letters.ts'
export type {
  DocumentAnswer,
  DocumentPage,
  DocumentQuery,
  DocumentStore,
  ExpectedVersion,
  StoredDocument,
} from './storage/contract/documents.ts'
export type { KeyedState, KeyedStateStore, StateSize } from './storage/contract/keyed-state.ts'
export type {
  HeldLease,
  Lease,
  LeaseAnswer,
  LeaseSign,
  LeaseState,
  LeaseStore,
} from './storage/contract/leases.ts'
export type { CountSeries, SeriesPoint, SeriesQuery } from './storage/contract/series.ts'
export type {
  AppendReceipt,
  AppendResult,
  CallOptions,
  EventLog,
  EventMaintenance,
  EventPage,
  EventQueries,
  EventQuery,
  EventRecord,
  EventStorage,
  EventTotals,
  LogHead,
  ReadQuery,
  ReadResult,
  TrimPolicy,
} from './storage/contract/storage.ts'
export type {
  PartitionKey,
  PartitionState,
  PositionRange,
  SubscriptionStore,
} from './storage/contract/subscriptions.ts'
export { type CreateStorageOptions, createStorage } from './storage/create-storage.ts'
export { STORAGE_LIMITS } from './storage/limits.ts'
export { memoryStorage } from './storage/memory/index.ts'
