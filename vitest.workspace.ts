import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { bundledWorker } from './packages/events-core/test/bundled-worker.ts'

// Packages use each other's source, so that the tests need no build.
const conditions = ['@viewra/source']

/** Tests that cost alike, so that the cheap ones can be run alone: `npm run test:quick`. */
const project = (name: string, include: readonly string[], exclude: readonly string[] = []) => ({
  plugins: [bundledWorker],
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name,
    include: include.map((place) => (place.endsWith('.ts') ? place : `${place}/**/*.test.ts`)),
    exclude: exclude.map((place) => (place.endsWith('.ts') ? place : `${place}/**`)),
    // For programs that tests start: they run from source too, and Node need not strip its types each time.
    env: {
      NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/viewra-programs', import.meta.url)),
    },
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
})

const core = 'packages/events-core/test'
/** Tests that kill processes, beside those of what they run. */
const killing = `${core}/{jobs,processors}/{crash,laws}.test.ts`

export default defineConfig({
  test: {
    // Many files wait for clocks, disks and processes: two processors are idle half of the time with one file each.
    maxWorkers: Math.max(3, Math.min(8, availableParallelism())),
    globalSetup: 'packages/events-core/test/bundled-worker.ts',
    projects: [
      project(
        'unit',
        [core, 'scripts/test'],
        [`${core}/storage/{sqlite,postgres}`, `${core}/faults`, killing],
      ),
      project('http', ['packages/events-module/test']),
      project('sqlite', [`${core}/storage/sqlite`]),
      project('postgres', [`${core}/storage/postgres`]),
      project('processes', [`${core}/faults`, killing, 'apps/*/test']),
      project('examples', ['examples/*/test', 'test/*/test']),
    ],
  },
})
