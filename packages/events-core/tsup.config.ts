import { defineConfig } from 'tsup'

export default defineConfig({
  // Flat names: the SQLite adapter finds its worker beside whatever chunk it is bundled into.
  entry: {
    index: 'src/index.ts',
    schemas: 'src/catalogue/schemas.ts',
    prometheus: 'src/metrics/prometheus.ts',
    sqlite: 'src/storage/sqlite/index.ts',
    'sqlite-worker': 'src/storage/sqlite/worker.ts',
    postgres: 'src/storage/postgres/index.ts',
    testing: 'src/testing/index.ts',
  },
  format: 'esm',
  target: 'node22',
  platform: 'node',
  dts: true,
  sourcemap: true,
  clean: true,
})
