import { execFileSync } from 'node:child_process'

/** Creates a FIFO; Node has no call for it. */
export function makeFifo(path: string): void {
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', path])
}
