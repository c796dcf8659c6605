import { expect, onTestFinished, test } from 'vitest'
import { createEventBus, memoryStorage } from '../../src/index.ts'
import { double, started, withFaults } from './setup.ts'

test('a runner that runs on one bus does not start on another', async () => {
  const { runner, submit, ended } = await started([double])
  const other = createEventBus({ storage: memoryStorage(), workers: [runner] })
  onTestFinished(async () => void (await other.stop()))
  await expect(other.start()).rejects.toMatchObject({ code: 'EVENTS_CONFLICT' })
  expect(await ended((await submit(double, { value: 2 })).id)).toMatchObject({ result: { doubled: 4 } })
})

test('a process that cannot read a job leaves its lease to others', async () => {
  const storage = memoryStorage()
  const { documents } = storage
  const faulty = withFaults(storage, {
    documents: {
      get: () => Promise.reject(new Error('away')),
      list: (...args) => documents.list(...args),
      put: (...args) => documents.put(...args),
      delete: (...args) => documents.delete(...args),
      watch: (...args) => documents.watch(...args),
    },
  })
  const { submit } = await started([double], { leaseMs: 60_000 }, faulty)
  const { id } = await submit(double, { value: 2 })
  const other = await started([double], { leaseMs: 60_000 }, storage)
  expect(await other.ended(id)).toMatchObject({ state: 'succeeded' })
})
