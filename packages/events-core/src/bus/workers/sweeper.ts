import type { EventMetrics } from '../../metrics/metrics.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import type { Logger } from '../api.ts'

/** Removes expired events from the store every so often. A sweep that fails is logged, and tried again next time. */
export class Sweeper {
  readonly #timer: NodeJS.Timeout
  #sweeping: Promise<void> | undefined

  constructor(storage: EventStorage, intervalMs: number, metrics: EventMetrics, logger: Logger) {
    this.#timer = setInterval(() => {
      this.#sweeping ??= this.#sweep(storage, metrics, logger).finally(() => {
        this.#sweeping = undefined
      })
    }, intervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #sweep(storage: EventStorage, metrics: EventMetrics, logger: Logger): Promise<void> {
    const began = performance.now()
    try {
      await storage.sweepExpired()
      metrics.storageOperation('sweep', (performance.now() - began) / 1_000)
    } catch (error) {
      metrics.storageError('sweep')
      logger.warn({ err: error }, 'Expired events could not be removed')
    }
  }
}
