import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { contentHash, packageFolders } from './fingerprint.mjs'
import { withLock } from './lock.mjs'
import { pnpm, ROOT, STATE, WORKSPACE } from './pnpm.mjs'

const STAMP = path.join(STATE, 'installed')

/** Installs the dependencies, unless those of the present lock file and manifests are installed already. */
export async function install() {
  if (isInstalled()) return
  await withLock(path.join(STATE, 'lock'), async () => {
    // Another process may have installed while this one waited.
    if (isInstalled()) return
    const first = !existsSync(STAMP)
    await pnpm(`Installing dependencies${first ? ' (first start only)' : ': they have changed'}…`, [
      'install',
      '--frozen-lockfile',
    ])
    writeFileSync(STAMP, fingerprint())
  })
}

/** Returns the Node that the project pins: the caller may run an older one. */
export function pinnedNode() {
  return path.join(ROOT, 'node_modules/node-bin/bin', process.platform === 'win32' ? 'node.exe' : 'node')
}

function isInstalled() {
  return (
    existsSync(STAMP) &&
    readFileSync(STAMP, 'utf8') === fingerprint() &&
    existsSync(pinnedNode()) &&
    packageFolders(ROOT, WORKSPACE).every((folder) => existsSync(path.join(ROOT, folder, 'node_modules')))
  )
}

function fingerprint() {
  const manifests = packageFolders(ROOT, WORKSPACE).map((folder) => path.join(folder, 'package.json'))
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests]
  // The pinned Node and the native modules are built for one platform: a folder copied elsewhere needs its own.
  return `${process.platform}-${process.arch} ${contentHash(ROOT, files)}`
}
