/**
 * Returns the delay before the next attempt: doubled for each earlier failure, up to a limit, with jitter on the upper half
 * so that many callers that failed together do not retry together.
 * @param failures the number of failures before the last one; 0 gives the shortest delay
 */
export function backoffMs(failures: number, minMs: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** failures)
  return ceiling * (0.5 + Math.random() / 2)
}
