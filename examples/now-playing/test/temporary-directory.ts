import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Creates a directory that is deleted after the test: `await using`. */
export function temporaryDirectory() {
  return mkdtempDisposable(join(tmpdir(), 'now-playing-'))
}
