import { statSync } from 'node:fs'
import type { Database } from 'better-sqlite3'

const MIB = 1024 * 1024
const LIMIT_BYTES = 16 * MIB
/** The further growth of the log after which a failed attempt is repeated. */
const STEP_BYTES = 4 * MIB
/** The time that `truncate` waits for readers; the slices of this process's reader are shorter. */
const WAIT_MS = 100

/**
 * Keeps the write-ahead log short. SQLite restarts the log once it is copied and no reader uses it; while searches follow
 * each other, that moment may never come, so beyond a limit the writer waits for it.
 */
export class WalLimit {
  readonly #file: Database
  readonly #busyTimeoutMs: number
  #limit = LIMIT_BYTES

  constructor(file: Database, busyTimeoutMs: number) {
    this.#file = file
    this.#busyTimeoutMs = busyTimeoutMs
  }

  /** Truncates the log if it is too long. Must be called between transactions. */
  check(): void {
    const { size } = statSync(`${this.#file.name}-wal`, { throwIfNoEntry: false }) ?? { size: 0 }
    if (size < this.#limit) return
    // A reader of another process may stay for long; appends must not wait for it each time.
    this.#limit = this.truncate() ? LIMIT_BYTES : size + STEP_BYTES
  }

  /** Copies the log into the file and empties it; returns false if a reader prevents that. */
  truncate(): boolean {
    this.#file.pragma(`busy_timeout = ${WAIT_MS}`)
    try {
      return this.#file.prepare<[], number>('pragma wal_checkpoint(truncate)').pluck().get() === 0
    } finally {
      this.#file.pragma(`busy_timeout = ${this.#busyTimeoutMs}`)
    }
  }
}
