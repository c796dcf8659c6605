import type { ReaderCalls, WriterCalls } from './messages.ts'
import type { StorageThread } from './storage-thread.ts'

/** The threads of an open store. */
export interface Threads {
  readonly writer: StorageThread<WriterCalls>
  readonly reader: StorageThread<ReaderCalls>
}
