import { copyFile, readFile } from 'node:fs/promises'
import { defineConfig } from 'tsup'

/** Bundlers look for this expression with a name in it, which is another one before and after the build. */
const workerName = {
  name: 'worker-name',
  setup(build: {
    onLoad: (filter: { filter: RegExp }, load: (file: { path: string }) => Promise<object>) => void
  }) {
    build.onLoad({ filter: /thread[/\\]start-worker\.ts$/ }, async ({ path }) => {
      const contents = await readFile(path, 'utf8')
      return { contents: contents.replace('./thread.ts', './sqlite-worker.js'), loader: 'ts' }
    })
  },
}

export default defineConfig({
  // Flat names: the SQLite adapter finds its worker beside whatever chunk it is bundled into.
  entry: {
    index: 'src/index.ts',
    schemas: 'src/catalogue/schemas.ts',
    jobs: 'src/jobs/index.ts',
    processors: 'src/processors/index.ts',
    prometheus: 'src/metrics/prometheus.ts',
    sqlite: 'src/storage/sqlite/index.ts',
    'sqlite-worker': 'src/storage/sqlite/thread/thread.ts',
    postgres: 'src/storage/postgres/index.ts',
    testing: 'src/testing/index.ts',
  },
  // Kysely goes into the bundle, as what is for development does: each thread of the SQLite adapter would load its 300
  // files, which takes 0.2 s and 6 MB more than one does.
  onSuccess: () => copyFile('node_modules/kysely/LICENSE', 'dist/kysely.LICENSE'),
  esbuildPlugins: [workerName],
  format: 'esm',
  target: 'node22',
  platform: 'node',
  dts: true,
  sourcemap: true,
  clean: true,
})
