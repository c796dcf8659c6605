import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

const SKIPPED = new Set(['node_modules', 'dist'])

/** Returns the folders of the workspace's packages, relative to the root. */
export function packageFolders(root, groups) {
  return groups.flatMap((group) =>
    entries(path.join(root, group))
      .filter((entry) => existsSync(path.join(root, group, entry.name, 'package.json')))
      .map((entry) => path.join(group, entry.name)),
  )
}

/** Hashes the paths and contents of the given files and of all files below the given folders. */
export function contentHash(root, names) {
  const hash = createHash('sha256')
  for (const name of names.flatMap((name) => filesBelow(root, name)).sort()) {
    const content = readFileSync(path.join(root, name))
    hash.update(`${name}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

function filesBelow(root, name) {
  const stats = statSync(path.join(root, name), { throwIfNoEntry: false })
  if (stats === undefined) return []
  if (!stats.isDirectory()) return [name]
  return entries(path.join(root, name))
    .filter((entry) => !SKIPPED.has(entry.name))
    .flatMap((entry) => filesBelow(root, path.join(name, entry.name)))
}

function entries(folder) {
  return existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []
}
