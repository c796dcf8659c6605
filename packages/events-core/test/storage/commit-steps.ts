import type { Changes } from '../../src/storage/contract/commit.ts'
import { PARTITION } from '../../src/testing/holder.ts'
import { makeRecord } from '../../src/testing/record.ts'

/** Returns changes of every kind, each of which contains the number of the step. */
export function changesOf(step: number): Changes {
  const { event } = makeRecord({ id: `failed ${step}` })
  const failed = { ...event, position: step, recorded_at: event.timestamp }
  return {
    checkpoint: { ...PARTITION, position: step },
    failures: [{ subscription: PARTITION.name, event: failed, error: `${step}`, stack: null, attempts: 1 }],
    documents: [{ collection: 'steps', key: 'last', value: step }],
    state: { ...PARTITION, put: [{ key: `${step}`, value: '1', dueMs: step, touched: step }], delete: [] },
    append: [makeRecord({ id: `step ${step}` })],
  }
}
