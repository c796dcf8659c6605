import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Builds a package of the workspace and installs it in a folder, with its dependencies but without its optional peers,
 * as npm would install the published package.
 */
export function installPackage(name: string, folder: string): void {
  const source = path.join(ROOT, 'packages', name)
  const target = path.join(folder, 'node_modules/@viewra', name)
  mkdirSync(target, { recursive: true })
  copyFileSync(path.join(source, 'package.json'), path.join(target, 'package.json'))
  const outDir = ['--out-dir', path.join(target, 'dist')]
  const tsup = path.join(source, 'node_modules/tsup/dist/cli-default.js')
  execFileSync(process.execPath, [tsup, '--no-dts', '--silent', '--onSuccess', 'node -e 0', ...outDir], {
    cwd: source,
  })
  const { dependencies }: { dependencies: object } = JSON.parse(
    readFileSync(path.join(source, 'package.json'), 'utf8'),
  )
  for (const dependency of Object.keys(dependencies))
    link(path.join(source, 'node_modules'), dependency, folder)
}

/** Makes a package from one `node_modules` available to a folder too. */
export function link(modules: string, name: string, folder: string): void {
  const target = path.join(folder, 'node_modules', name)
  if (existsSync(target)) return
  mkdirSync(path.dirname(target), { recursive: true })
  symlinkSync(path.join(modules, name), target)
}
