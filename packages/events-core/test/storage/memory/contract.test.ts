import { memoryStorage } from '../../../src/storage/memory/index.ts'
import { storageContract } from '../../../src/testing/index.ts'

storageContract('memory', { create: ({ now }) => memoryStorage({ now }) })
