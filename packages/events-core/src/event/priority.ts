import { PRIORITY } from './event.ts'

export type PriorityName = keyof typeof PRIORITY

/** The named band that a priority from 0 to 100 falls in: low below 5, normal below 10, high below 20, else critical. */
export function priorityName(priority: number): PriorityName {
  if (priority < PRIORITY.normal) return 'low'
  if (priority < PRIORITY.high) return 'normal'
  return priority < PRIORITY.critical ? 'high' : 'critical'
}
