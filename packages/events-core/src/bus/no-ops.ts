import type { EventMetrics } from '../metrics/metrics.ts'
import type { Logger } from './api.ts'

const nothing = (): void => undefined

/** The logger of a bus without a `logger` option. */
export const silentLogger: Logger = { info: nothing, warn: nothing, error: nothing }

/** The metrics of a bus without a `metrics` option. */
export const unmeasured: EventMetrics = {
  published: nothing,
  delivered: nothing,
  dropped: nothing,
  handlerError: nothing,
  missed: nothing,
  handlerDuration: nothing,
  publishDuration: nothing,
  batchSize: nothing,
  storageOperation: nothing,
  storageError: nothing,
  payloadMismatch: nothing,
  attach: () => nothing,
  forgetSubscription: nothing,
}
