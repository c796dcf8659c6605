import { PRIORITY } from './event.ts'

export type PriorityName = keyof typeof PRIORITY

/** Returns the named band of a priority from 0 to 100: low below 5, normal below 10, high below 20, else critical. */
export function priorityName(priority: number): PriorityName {
  if (priority < PRIORITY.normal) return 'low'
  if (priority < PRIORITY.high) return 'normal'
  return priority < PRIORITY.critical ? 'high' : 'critical'
}
