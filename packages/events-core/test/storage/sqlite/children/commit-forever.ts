// Commits step after step, continuing after an earlier process, and prints the number of each one, until it is killed.

import { partitionLease } from '../../../../src/storage/contract/partition-lease.ts'
import { sqliteStorage } from '../../../../src/storage/sqlite/index.ts'
import { PARTITION } from '../../../../src/testing/holder.ts'
import { changesOf } from '../../commit-steps.ts'

const [path = ''] = process.argv.slice(2)
const storage = sqliteStorage({ path })
await storage.open()
await storage.subscriptions.create(PARTITION.name, 1, 0)
const lease = { name: partitionLease(PARTITION), token: await tokenOf(partitionLease(PARTITION)) }
const [partition] = await storage.subscriptions.list(PARTITION.name)
for (let step = (partition?.position ?? 0) + 1; ; step++) {
  const result = await storage.commit(lease, changesOf(step))
  if (!result.committed) throw new Error(`step ${step} was refused: ${result.reason}`)
  console.log(step)
}

/** Takes the lease from the process that was killed. */
async function tokenOf(name: string): Promise<number> {
  const answer = await storage.leases.acquire(name, 'test')
  if (answer.acquired) return answer.lease.token
  const taken = await storage.leases.acquire(name, 'test', answer.sign)
  if (!taken.acquired) throw new Error('another process is alive')
  return taken.lease.token
}
