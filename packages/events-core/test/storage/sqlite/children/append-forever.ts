// Appends batch after batch and prints the number of each one once it is acknowledged, until it is killed.
import { sqliteStorage } from '../../../../src/storage/sqlite/index.ts'
import { makeRecord } from '../../../../src/testing/record.ts'

const [path = '', size = '10'] = process.argv.slice(2)
const storage = sqliteStorage({ path })
await storage.open()
for (let batch = 0; ; batch++) {
  const ids = Array.from({ length: Number(size) }, (_, index) => `${batch}/${index}`)
  await storage.append(ids.map((id) => makeRecord({ id, tags: ['a', 'b'] })))
  console.log(batch)
}
