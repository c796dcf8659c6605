// Where a thread of the store begins. It loads the driver before what needs it: so a driver that is missing, or is not
// for this machine, is told from any other failure.
import { loadDriver } from './driver.ts'

async function begin(): Promise<void> {
  await loadDriver()
  await import('./worker.ts')
}

begin().catch((error: unknown) => {
  // Ends the thread, whatever the process does with rejections that nobody handles.
  queueMicrotask(() => {
    throw error
  })
})
