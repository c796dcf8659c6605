import { DropLog } from './drop-log.ts'
import { Subscriptions } from './live/subscriptions.ts'
import { processName } from './process-name.ts'
import type { BusSettings } from './settings.ts'
import type { BusWorker } from './workers/worker.ts'
import { Workers } from './workers/workers.ts'

/** The parts that a bus has whether it runs or not. */
export interface BusParts {
  readonly settings: BusSettings
  readonly subscriptions: Subscriptions
  readonly workers: Workers
  /** Names this process in leases. */
  readonly owner: string
  readonly drops: DropLog
}

/** @param own the bus's own workers, which come before those of its options */
export function busParts(settings: BusSettings, own: readonly BusWorker[]): BusParts {
  const { metrics, logger, now } = settings
  const drops = new DropLog(metrics, logger)
  const subscriptions = new Subscriptions({
    metrics,
    logger,
    now,
    dropped: (reason, count, subscription) => drops.add(reason, count, subscription),
  })
  const workers = new Workers(logger)
  for (const worker of [...own, ...settings.workers]) workers.register(worker)
  return { settings, subscriptions, workers, drops, owner: processName() }
}
