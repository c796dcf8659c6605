/**
 * How long to wait before the next try: twice as long for each failure before, up to a limit; with jitter on the upper half, so
 * that many that failed together do not come back in step.
 * @param failures before the last one: 0 gives the shortest wait
 */
export function backoffMs(failures: number, minMs: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** failures)
  return ceiling * (0.5 + Math.random() / 2)
}
