import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Starts the thread whose program is beside this file, or at `url` where a bundle has it elsewhere. Bundlers find the
 * program by this very expression. Run from source it is a .ts file, which Node strips; the build puts the name of the
 * .js file here.
 */
export function startWorker(url: URL | undefined, options: WorkerOptions): Worker {
  return url === undefined
    ? new Worker(new URL('./thread.ts', import.meta.url), options)
    : new Worker(url, options)
}
