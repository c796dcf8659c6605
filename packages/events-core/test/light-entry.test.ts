import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

/** Imports an entry as a service would, and prints what was loaded. */
const PROBE = `
  import { registerHooks } from 'node:module'
  const urls = []
  registerHooks({
    load(url, context, next) {
      urls.push(url)
      return next(url, context)
    },
  })
  await import(process.argv[1])
  console.log(JSON.stringify(urls))
`

/** Returns the packages of which a module was loaded. */
function packagesLoadedBy(entry: string): readonly string[] {
  const names = urlsLoadedBy(entry).map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

function urlsLoadedBy(entry: string): readonly string[] {
  const args = ['--conditions=@viewra/source', '--input-type=module', '--eval', PROBE, entry]
  return JSON.parse(execFileSync(process.execPath, args, { cwd: PACKAGE, encoding: 'utf8' }))
}

test('the root entry loads mitt and no other package', () => {
  expect(packagesLoadedBy('@viewra/events-core')).toEqual(['mitt'])
})

test('the root entry loads durable subscriptions, and what Node needs for random numbers, only on first use', () => {
  const names = urlsLoadedBy('@viewra/events-core').map((url) => url.split('/').at(-1))
  expect(names).toContain('live-subscription.ts')
  expect(names).not.toContain('durable-subscription.ts')
  expect(names).not.toContain('partition-run.ts')
  expect(names).not.toContain('node:crypto')
})

test('heavy parts have their own entries', () => {
  expect(packagesLoadedBy('@viewra/events-core/schemas')).toContain('@sinclair/typebox')
  expect(packagesLoadedBy('@viewra/events-core/prometheus')).toContain('prom-client')
})

test('the SQLite entry leaves the driver to the threads that use it', () => {
  expect(packagesLoadedBy('@viewra/events-core/sqlite')).toEqual([])
})
