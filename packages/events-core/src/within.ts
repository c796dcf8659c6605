/**
 * Returns what `work` resolves with, or undefined if it takes longer than `timeoutMs`. The timer keeps the process alive, so
 * the caller gets a result even if nothing else keeps the process running.
 * @throws what `work` rejects with in time
 */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), timeoutMs)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
