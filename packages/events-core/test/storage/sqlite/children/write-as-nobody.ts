// Writes to a store as a user who is not root, with each of the given modes in turn, or with the one that it has.
// Prints, as JSON, why each attempt failed, or null.
import { chmodSync } from 'node:fs'
import Database from 'better-sqlite3'
import { connectWriter } from '../../../../src/storage/sqlite/connection.ts'
import { storageError } from '../../../../src/storage/sqlite/errors.ts'

const NOBODY = 65_534
const [path = '', ...modes] = process.argv.slice(2)

// The driver's library is loaded while it can be read: this folder may be root's alone.
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
