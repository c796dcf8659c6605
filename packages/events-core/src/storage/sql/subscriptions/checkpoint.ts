import { sql } from 'kysely'
import type { Checkpoint } from '../../contract/commit.ts'
import type { SqlCall } from '../sql-log.ts'

export interface SavedPartition {
  readonly paused: boolean
  readonly stateId: number
}

/** Saves a partition's checkpoint; its position never decreases. Returns undefined if the partition no longer exists. */
export async function saveCheckpoint(
  { db, nowMs }: Pick<SqlCall, 'db' | 'nowMs'>,
  { name, partition, position = 0, missed }: Checkpoint,
): Promise<SavedPartition | undefined> {
  const saved = await db
    .updateTable('subscription_partitions')
    .set({
      position: sql<number>`case when ${position} > position then ${position} else position end`,
      saved: sql<number>`case when ${position} > position then ${nowMs} else saved end`,
      ...(missed && { missed_from: missed.from, missed_to: missed.to }),
    })
    .where((eb) => eb.and({ name, partition }))
    .returning(['paused', 'state_id as stateId'])
    .executeTakeFirst()
  return saved && { paused: saved.paused !== 0, stateId: saved.stateId }
}
