const FIRST_MS = 25
const MAX_MS = 1_000

/** How long to wait for a store that fails. Exponential, with full jitter on its upper half so that several processes do not come back in step. */
export function backoffMs(failures: number): number {
  const ceiling = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures, 16))
  return ceiling * (0.5 + Math.random() / 2)
}
