// The program of the store's threads. It loads the driver before the code that needs it, so that a driver that is missing,
// or is not for this machine, is distinguished from any other failure.
import { loadDriver } from './driver.ts'

async function begin(): Promise<void> {
  await loadDriver()
  await import('./worker.ts')
}

begin().catch((error: unknown) => {
  // Ends the thread, whatever the process does with unhandled rejections.
  queueMicrotask(() => {
    throw error
  })
})
