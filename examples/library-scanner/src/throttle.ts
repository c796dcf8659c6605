/**
 * Returns a function that returns true the first time, and then at most once per interval.
 * @param now returns milliseconds since any moment; must not go back
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
