import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Starts the thread whose program is beside this file, or at `url` if a bundle has it elsewhere. Bundlers find the program
 * by this exact expression. From source it is a .ts file, whose types Node strips; the build replaces the name by that of
 * the .js file.
 */
export function startWorker(url: URL | undefined, options: WorkerOptions): Worker {
  return url === undefined
    ? new Worker(new URL('./thread.ts', import.meta.url), options)
    : new Worker(url, options)
}
