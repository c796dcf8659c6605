import type { Conditions } from '../search/conditions.ts'

/**
 * Splits a time span into whole periods, for which counts are kept, and edges: its parts of the periods in which it begins
 * and ends.
 */
export function splitByPeriod(
  conditions: Conditions,
  periodMs: number,
): { whole?: Conditions; edges: readonly Conditions[] } {
  const { sinceMs, untilMs } = conditions
  const edges: Conditions[] = []
  let whole = conditions
  if (sinceMs !== undefined) {
    const firstMs = Math.ceil(sinceMs / periodMs) * periodMs
    if (firstMs > sinceMs) edges.push({ ...conditions, untilMs: firstMs - 1 })
    whole = { ...whole, sinceMs: firstMs }
  }
  if (untilMs !== undefined) {
    const endMs = Math.floor((untilMs + 1) / periodMs) * periodMs
    if (endMs <= untilMs) edges.push({ ...conditions, sinceMs: endMs })
    whole = { ...whole, untilMs: endMs - 1 }
  }
  const isEmpty = (whole.sinceMs ?? -Infinity) > (whole.untilMs ?? Infinity)
  return isEmpty ? { edges: [conditions] } : { whole, edges }
}
