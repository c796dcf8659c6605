import type { Failure } from '../storage/contract/dead-letters.ts'
import { makeRecord, type RecordFields } from './record.ts'

/** What a test cares about of a failure; the event has a position, as if it had been stored. */
export interface FailureFields extends Partial<Omit<Failure, 'event'>> {
  readonly event?: RecordFields
}

/** A failure as a consumer hands it to a store. */
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
