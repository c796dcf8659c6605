import type { Failure } from '../storage/contract/dead-letters.ts'
import { makeRecord, type RecordFields } from './record.ts'

/** The fields of a failure that a test sets; the event has a position, as if it had been stored. */
export interface FailureFields extends Partial<Omit<Failure, 'event'>> {
  readonly event?: RecordFields
}

/** Returns a failure as a consumer passes it to a store. */
export function makeFailure({ event, ...fields }: FailureFields = {}): Failure {
  const { event: published } = makeRecord(event)
  return {
    subscription: 'mail',
    error: 'Error: it did not work',
    stack: null,
    attempts: 3,
    ...fields,
    event: { ...published, position: 1, recorded_at: published.timestamp },
  }
}
