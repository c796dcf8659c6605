import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'
import type { Plugin } from 'vitest/config'

/*
 * A thread of the SQLite store that runs from source loads 400 files, 300 of which are Kysely's, and has Node strip the
 * types of the rest: a second of processor time for each store that a test opens. Tests have the program in one file, like
 * the package. It is built from the current source for each run.
 */

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))
// Beside the package's dependencies, so that the driver is found.
const FOLDER = path.join(PACKAGE, 'node_modules/.cache/viewra-test')
const FILE = pathToFileURL(path.join(FOLDER, 'sqlite-worker.js'))

/** Builds the file; Vitest calls it before the tests. */
export async function setup(): Promise<void> {
  await build({
    config: false,
    silent: true,
    entry: { 'sqlite-worker': path.join(PACKAGE, 'src/storage/sqlite/thread/thread.ts') },
    outDir: FOLDER,
    external: ['better-sqlite3'],
    format: 'esm',
    platform: 'node',
    target: 'node22',
    sourcemap: 'inline',
    clean: true,
  })
}

/** Makes stores in a test's own process start their threads with that file. */
export const bundledWorker: Plugin = {
  name: 'bundled-worker',
  transform: (code, id) =>
    id.endsWith('/thread/start-worker.ts') ? code.replace('./thread.ts', FILE.href) : undefined,
}
