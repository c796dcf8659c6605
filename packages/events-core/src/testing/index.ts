export { ManualClock } from './manual-clock.ts'
export { makeRecord, type RecordFields } from './record.ts'
export { storageContract } from './storage-contract.ts'
export type { StorageFactory, StorageOptions } from './store-pool.ts'
