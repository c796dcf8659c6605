// Writes to a store as a user other than root, with each of the given modes in turn, or with the current one. Prints, as
// JSON, the error of each attempt, or null.
import { chmodSync } from 'node:fs'
import Database from 'better-sqlite3'
import { connectWriter } from '../../../../src/storage/sqlite/connection.ts'
import { storageError } from '../../../../src/storage/sqlite/errors.ts'

const NOBODY = 65_534
const [path = '', ...modes] = process.argv.slice(2)

// The driver's library is loaded while it can be read: only root may have access to this folder.
new Database(':memory:').close()
if (process.getuid?.() === 0) {
  process.setgroups?.([])
  process.setgid?.(NOBODY)
  process.setuid?.(NOBODY)
}

function failureToWrite(): string | null {
  try {
    const { file } = connectWriter({ role: 'writer', path, busyTimeoutMs: 100, synchronous: 'normal' })
    try {
      file.exec('update log_head set position = position')
    } finally {
      file.close()
    }
    return null
  } catch (error) {
    return storageError(error, path).message
  }
}

const failures = modes.map((mode) => {
  chmodSync(path, Number.parseInt(mode, 8))
  return failureToWrite()
})
console.log(JSON.stringify(modes.length === 0 ? [failureToWrite()] : failures))
