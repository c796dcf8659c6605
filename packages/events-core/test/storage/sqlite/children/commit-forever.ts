// Commits step after step and says the number of each one once it is committed, until it is killed.
import { sqliteStorage } from '../../../../src/storage/sqlite/index.ts'
import { holderOf } from '../../../../src/testing/holder.ts'
import { changesOf } from '../../commit-steps.ts'

const [path = ''] = process.argv.slice(2)
const storage = sqliteStorage({ path })
await storage.open()
const holder = await holderOf(storage)
for (let step = 1; ; step++) {
  const result = await holder.commit(changesOf(step))
  if (!result.committed) throw new Error(`step ${step} was refused: ${result.reason}`)
  console.log(step)
}
