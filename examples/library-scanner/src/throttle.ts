/**
 * Tells, each time it is asked, whether to act now: at most once in any interval, the first time at once.
 * @param now milliseconds since any moment; must not go back
 */
export function throttle(intervalMs: number, now: () => number): () => boolean {
  let dueMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = now()
    if (nowMs < dueMs) return false
    dueMs = nowMs + intervalMs
    return true
  }
}
