import { EventsError } from '../../errors.ts'
import type { Channel, Hear, OperationCall, Runner } from '../sql/runner.ts'
import { isLogLost } from './file/place.ts'
import type { ThreadSettings } from './thread/messages.ts'
import { StorageThread } from './thread/storage-thread.ts'
import { FileWatch } from './watch.ts'

/**
 * Runs operations on two threads: SQLite, which waits for the disk, must not block the event loop, and a long search must
 * not block appends.
 */
export class SqliteRunner implements Runner {
  readonly #writer: StorageThread
  readonly #reader: StorageThread
  /** True if the file must be reopened before its next use. */
  #isLost = false
  #reopening: Promise<void> | undefined
  #isClosing = false

  private constructor(settings: Omit<ThreadSettings, 'role'>, workerUrl: URL | undefined) {
    this.#writer = new StorageThread({ ...settings, role: 'writer' }, workerUrl)
    this.#reader = new StorageThread({ ...settings, role: 'reader' }, workerUrl)
  }

  /** Opens the file, and creates it if there is none. */
  static async start(settings: Omit<ThreadSettings, 'role'>, workerUrl?: URL): Promise<SqliteRunner> {
    const runner = new SqliteRunner(settings, workerUrl)
    try {
      runner.#reader.start()
      // The writer creates the file that the reader opens.
      await runner.#writer.open()
      await runner.#reader.open()
      return runner
    } catch (error) {
      await runner.close()
      throw error
    }
  }

  run(call: OperationCall, signal: AbortSignal | undefined): Promise<unknown> {
    switch (call.lane) {
      case 'lookup':
      case 'search':
        return this.#withFile(() => this.#reader.run(call, signal), 'repeatable')
      case 'append':
      case 'write':
        return this.#withFile(() => this.#writer.run(call, signal), 'once')
      case 'remove':
        return this.#withFile(() => this.#writer.run(call, signal), 'in slices')
    }
  }

  listen(hear: Hear): Channel {
    return new FileWatch(
      () => this.#withFile(() => this.#writer.dataVersion(), 'repeatable'),
      () => hear(undefined),
    )
  }

  /** Closes the writer last: the last connection to close copies the log into the file and removes the log. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.#reopening?.catch(() => undefined)
    await this.#reader.close()
    await this.#writer.close()
  }

  /**
   * Makes a call, and repeats it after reopening the file if the log was removed or replaced. A call that changes something is
   * repeated only if it did nothing, and a delete, which may have done a part, not at all.
   */
  async #withFile<T>(call: () => Promise<T>, kind: 'repeatable' | 'once' | 'in slices'): Promise<T> {
    if (this.#isLost) await this.#reopen()
    try {
      return await call()
    } catch (error) {
      this.#isLost ||= isLogLost(error)
      if (!this.#isLost || (kind === 'once' && !isLogLost(error))) throw error
      await this.#reopen()
      if (kind === 'in slices') throw interrupted()
      return await call()
    }
  }

  #reopen(): Promise<void> {
    if (this.#isClosing)
      throw new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before this was done')
    this.#reopening ??= this.#openAnew().finally(() => {
      this.#reopening = undefined
    })
    return this.#reopening
  }

  /** Closes the reader first, since only the last connection can stop using a removed log. */
  async #openAnew(): Promise<void> {
    await this.#reader.close()
    await this.#writer.saveLog()
    // If other processes have begun another log, reopening joins it.
    await this.#writer.close()
    await this.#writer.open()
    await this.#reader.open()
    this.#isLost = false
  }
}

function interrupted(): EventsError {
  return new EventsError(
    'EVENTS_STORAGE_UNAVAILABLE',
    'the write-ahead log was removed or replaced during a delete: what was deleted stays deleted; delete the rest',
  )
}
