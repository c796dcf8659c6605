import { defineConfig } from 'vitest/config'

const conditions = ['@viewra/source']

/** Checks with programs that `npm test` must not need: nginx and openssl. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    root: './apps/server',
    include: ['test/proxies/*.check.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
