import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that is gone when the test is over: `await using`. */
export function temporaryDirectory() {
  return mkdtempDisposable(join(tmpdir(), 'metadata-enricher-'))
}
