import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { contentHash, packageFolders } from './fingerprint.mjs'
import { withLock } from './lock.mjs'
import { pnpm, ROOT, STATE } from './pnpm.mjs'
import { StepFailed } from './step.mjs'

const STAMP = path.join(STATE, 'built')
const BUILT = ['packages', 'apps']

/** Builds packages and apps, unless a build of the present sources exists. */
export async function build() {
  if (isBuilt()) return
  refuseStar()
  await withLock(path.join(STATE, 'lock'), async () => {
    // Another process may have built while this one waited.
    if (isBuilt()) return
    const folders = packageFolders(ROOT, BUILT)
    await pnpm('Building…', ['-r', ...folders.flatMap((folder) => ['--filter', nameOf(folder)]), 'build'])
    requireResults(folders)
    writeFileSync(STAMP, fingerprint())
  })
}

function refuseStar() {
  if (!ROOT.includes('*')) return
  console.error(`esbuild treats the * in ${ROOT} as a pattern: move this folder to a path without one.`)
  throw new StepFailed('Building…')
}

/** Selects packages by name: in paths pnpm would treat brackets and stars of parent folders as patterns. */
function nameOf(folder) {
  return JSON.parse(readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8')).name
}

/** A build with nothing to do succeeds too. */
function requireResults(folders) {
  const missing = folders.filter((folder) => !existsSync(path.join(ROOT, folder, 'dist')))
  if (missing.length === 0) return
  console.error(`The build succeeded but produced nothing in ${missing.join(', ')}.`)
  throw new StepFailed('Building…')
}

function isBuilt() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint()
}

/** Covers sources and results: a result that was removed, or has been built by other means since, is built again. */
function fingerprint() {
  const folders = packageFolders(ROOT, BUILT)
  const sources = folders.flatMap((folder) =>
    ['package.json', 'src', 'tsup.config.ts'].map((name) => path.join(folder, name)),
  )
  const results = folders.map((folder) => path.join(folder, 'dist'))
  const hash = contentHash(ROOT, ['tsconfig.base.json', 'tsconfig.json', 'pnpm-lock.yaml', ...sources])
  // By content: times and owners change when a built tree is copied into an image or unpacked.
  return `${hash} ${contentHash(ROOT, results)}`
}
