import { defineConfig } from 'vitest/config'

// Packages use each other's source, so that the tests need no build.
const conditions = ['@viewra/source']

const project = (name: string, root: string) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name,
    root,
    include: ['test/**/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
})

export default defineConfig({
  test: {
    projects: [
      project('core', './packages/events-core'),
      project('module', './packages/events-module'),
      project('server', './apps/server'),
      project('library-scanner', './examples/library-scanner'),
      project('metadata-enricher', './examples/metadata-enricher'),
      project('bundling', './test/bundling'),
      project('scripts', './scripts'),
    ],
  },
})
