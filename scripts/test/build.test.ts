import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from './child.ts'

const SETUP = fileURLToPath(new URL('../setup/', import.meta.url))
const MANIFEST = fileURLToPath(new URL('../../package.json', import.meta.url))
const BUILD =
  "import { mkdirSync, writeFileSync } from 'node:fs'; mkdirSync('dist', { recursive: true }); writeFileSync('dist/main.js', '')"

/** Creates a workspace with one package, below a folder with the given name, with the project's own set-up. */
function workspace(name: string): string {
  const root = path.join(temporaryFolder(), name)
  const folder = path.join(root, 'packages/one')
  mkdirSync(folder, { recursive: true })
  mkdirSync(path.join(root, 'node_modules'))
  cpSync(SETUP, path.join(root, 'scripts/setup'), { recursive: true })
  const { packageManager } = JSON.parse(readFileSync(MANIFEST, 'utf8'))
  const files = {
    'package.json': JSON.stringify({ private: true, type: 'module', packageManager }),
    'pnpm-workspace.yaml': 'packages:\n  - packages/*\npmOnFail: ignore\nverifyDepsBeforeRun: false\n',
    'packages/one/package.json': JSON.stringify({
      name: 'one',
      type: 'module',
      scripts: { build: 'node build.js' },
    }),
    'packages/one/build.js': BUILD,
    'build.js':
      "import { build } from './scripts/setup/build.mjs'; await build().catch(() => { process.exitCode = 1 })",
  }
  for (const [file, content] of Object.entries(files)) writeFileSync(path.join(root, file), content)
  return root
}

function build(root: string): { readonly status: number | null; readonly stderr: string } {
  return spawnSync(process.execPath, ['build.js'], { cwd: root, encoding: 'utf8' })
}

test('a folder with brackets, spaces and non-ASCII letters in its name is built once', () => {
  const root = workspace('[x] ü')
  expect(build(root)).toMatchObject({ status: 0, stderr: 'Building…\n' })
  const result = path.join(root, 'packages/one/dist/main.js')
  expect(existsSync(result)).toBe(true)
  // Like a copy that does not keep times.
  utimesSync(result, new Date(), new Date('2026-01-01'))
  expect(build(root)).toMatchObject({ status: 0, stderr: '' })
})

test.skipIf(process.platform === 'win32')(
  'a folder that cannot be built says why, and does not count as built',
  () => {
    const root = workspace('s*t')
    for (const _ of ['first', 'again']) {
      const { status, stderr } = build(root)
      expect(status).toBe(1)
      expect(stderr).toContain('move this folder')
    }
  },
)

test('a build that produces nothing does not count as built', () => {
  const root = workspace('empty')
  writeFileSync(path.join(root, 'packages/one/build.js'), '')
  for (const _ of ['first', 'again']) expect(build(root)).toMatchObject({ status: 1 })
})
