import type { Channel, Hear, OperationCall, Runner } from '../sql/runner.ts'
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
    const reads = call.lane === 'lookup' || call.lane === 'search'
    return (reads ? this.#reader : this.#writer).run(call, signal)
  }

  listen(hear: Hear): Channel {
    return new FileWatch(this.#writer, () => hear(undefined))
  }

  /** Closes the writer last: the last connection to close copies the log into the file and removes the log. */
  async close(): Promise<void> {
    await this.#reader.close()
    await this.#writer.close()
  }
}
