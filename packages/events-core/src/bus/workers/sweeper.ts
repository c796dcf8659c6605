import type { WorkerGauges } from '../../metrics/metrics.ts'
import type { BusHost, BusWorker } from './worker.ts'

/** Removes expired events from the store at an interval. A failed sweep is logged and retried at the next interval. */
export class Sweeper implements BusWorker {
  readonly name = 'sweeper'
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #sweeping: Promise<void> | undefined
  #sweptMs: number | undefined

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  start(host: BusHost): void {
    this.#timer = setInterval(() => {
      this.#sweeping ??= this.#sweep(host).finally(() => {
        this.#sweeping = undefined
      })
    }, this.#intervalMs).unref()
  }

  async stop(): Promise<undefined> {
    clearInterval(this.#timer)
  }

  gauges(): WorkerGauges {
    return { lastRunMs: this.#sweptMs }
  }

  async #sweep({ storage, metrics, logger, clock }: BusHost): Promise<void> {
    const began = performance.now()
    try {
      await storage.sweepExpired()
      this.#sweptMs = clock()
      metrics.storageOperation('sweep', (performance.now() - began) / 1_000)
    } catch (error) {
      metrics.storageError('sweep')
      logger.warn({ err: error }, 'Cannot remove expired events; retrying at the next sweep')
    }
  }
}
