import { onTestFinished } from 'vitest'
import {
  createEventBus,
  type DropReason,
  type EventBus,
  type EventBusOptions,
  type EventMetrics,
  type EventStorage,
  type Logger,
  memoryStorage,
} from '../../src/index.ts'

/** Starts a bus on a memory store, which is stopped when the test ends. */
export async function startedBus(options: EventBusOptions = {}): Promise<EventBus> {
  const bus = createEventBus({ storage: memoryStorage({ capacity: 100_000 }), ...options })
  await bus.start()
  onTestFinished(async () => {
    await bus.stop({ timeoutMs: 100 })
  })
  return bus
}

/**
 * Returns a memory store whose appends go through `append`, for outages and delays that a real store cannot be made to
 * have.
 */
export function storageWithAppend(
  append: (
    next: EventStorage['append'],
    records: Parameters<EventStorage['append']>[0],
  ) => ReturnType<EventStorage['append']>,
): EventStorage {
  const storage = memoryStorage({ capacity: 100_000 })
  return {
    ...bound(storage),
    name: 'memory with a fault',
    append: (records) => append((passed) => storage.append(passed), records),
  }
}

/** Returns the store as an object whose methods can be replaced one by one. */
export function bound(storage: EventStorage): EventStorage {
  return {
    name: storage.name,
    persistent: storage.persistent,
    subscriptions: storage.subscriptions,
    deadLetters: storage.deadLetters,
    documents: storage.documents,
    leases: storage.leases,
    state: storage.state,
    commit: (lease, changes) => storage.commit(lease, changes),
    series: (query) => storage.series(query),
    watch: (wake) => storage.watch(wake),
    open: () => storage.open(),
    close: () => storage.close(),
    append: (records) => storage.append(records),
    read: (options) => storage.read(options),
    head: () => storage.head(),
    list: (query) => storage.list(query),
    get: (id) => storage.get(id),
    count: (filter) => storage.count(filter),
    totals: () => storage.totals(),
    delete: (id) => storage.delete(id),
    deleteMatching: (filter) => storage.deleteMatching(filter),
    clear: () => storage.clear(),
    sweepExpired: () => storage.sweepExpired(),
    trim: (policy) => storage.trim(policy),
  }
}

/** Records the bus's measurements as one array of calls. */
export function recordingMetrics(): EventMetrics & {
  readonly calls: unknown[][]
  dropped(reason: DropReason, count: number): void
} {
  const calls: unknown[][] = []
  const record =
    (name: string) =>
    (...args: unknown[]) =>
      void calls.push([name, ...args])
  return {
    calls,
    published: record('published'),
    delivered: record('delivered'),
    dropped: record('dropped'),
    handlerError: record('handlerError'),
    missed: record('missed'),
    handlerDuration: record('handlerDuration'),
    publishDuration: record('publishDuration'),
    batchSize: record('batchSize'),
    storageOperation: record('storageOperation'),
    storageError: record('storageError'),
    payloadMismatch: record('payloadMismatch'),
    forgetSubscription: record('forgetSubscription'),
    attach: () => () => undefined,
  }
}

export function recordingLogger(): Logger & {
  readonly lines: { level: string; details: object; message: string }[]
} {
  const lines: { level: string; details: object; message: string }[] = []
  const record = (level: string) => (details: object, message: string) =>
    void lines.push({ level, details, message })
  return { lines, info: record('info'), warn: record('warn'), error: record('error') }
}

/** Creates a promise that the test settles, to keep a handler or a store busy until then. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: () => resolve() }
}
