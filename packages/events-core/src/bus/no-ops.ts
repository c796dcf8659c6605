import type { EventMetrics } from '../metrics/metrics.ts'
import type { Logger } from './api.ts'

const nothing = (): void => undefined

/** For a bus that was given no logger. */
export const silentLogger: Logger = { info: nothing, warn: nothing, error: nothing }

/** For a bus that was given no metrics. */
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
