import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { contentHash, packageFolders, timeHash } from './fingerprint.mjs'
import { withLock } from './lock.mjs'
import { pnpm, ROOT, STATE } from './pnpm.mjs'

const STAMP = path.join(STATE, 'built')
const BUILT = ['packages', 'apps']

/** Builds packages and apps, unless what was built from the present sources is there already. */
export async function build() {
  if (isBuilt()) return
  await withLock(path.join(STATE, 'lock'), async () => {
    // Another process may have done it while this one waited.
    if (isBuilt()) return
    await pnpm('Building…', ['-r', ...BUILT.flatMap((group) => ['--filter', `./${group}/*`]), 'build'])
    writeFileSync(STAMP, fingerprint())
  })
}

function isBuilt() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint()
}

/** Of sources and results: a result that was removed, or built by other means since, is built again. */
function fingerprint() {
  const folders = packageFolders(ROOT, BUILT)
  const sources = folders.flatMap((folder) =>
    ['package.json', 'src', 'tsup.config.ts'].map((name) => path.join(folder, name)),
  )
  const results = folders.map((folder) => path.join(folder, 'dist'))
  const hash = contentHash(ROOT, ['tsconfig.base.json', 'tsconfig.json', 'pnpm-lock.yaml', ...sources])
  return `${hash} ${timeHash(ROOT, results)}`
}
