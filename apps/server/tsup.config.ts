import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { main: 'src/main.ts' },
  format: 'esm',
  target: 'node22',
  platform: 'node',
  // Dependencies stay outside the bundle: the SQLite adapter finds its worker beside its own file.
  skipNodeModulesBundle: true,
  sourcemap: true,
  clean: true,
})
