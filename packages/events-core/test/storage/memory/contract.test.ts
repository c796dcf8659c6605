import { memoryStorage } from '../../../src/storage/memory/index.ts'
import { storageContract, storageContractNext } from '../../../src/testing/index.ts'

storageContract('memory', { create: ({ now }) => memoryStorage({ now }) })
storageContractNext('memory', { create: ({ now }) => memoryStorage({ now }) })
