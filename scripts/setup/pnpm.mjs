import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { step } from './step.mjs'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Folders whose subfolders are the workspace's packages, as in pnpm-workspace.yaml. */
export const WORKSPACE = ['packages', 'apps', 'examples']

/** Where set-up records what it has done; deleting the folder deletes the record with it. */
export const STATE = path.join(ROOT, 'node_modules/.viewra')

/** Runs the pnpm version that package.json names; pnpm need not be installed. */
export async function pnpm(title, args) {
  const { packageManager } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const bin = path.join(ROOT, 'node_modules/.bin')
  await step(title, 'npx', ['--yes', packageManager, ...args], {
    cwd: ROOT,
    env: {
      // The version is exact: a downloaded copy is right, so a build needs no network.
      npm_config_prefer_offline: 'true',
      // Without a network npm would retry for more than a minute before it fails.
      npm_config_fetch_retry_mintimeout: '1000',
      npm_config_fetch_retry_maxtimeout: '10000',
      ...process.env,
      // No prompts: nobody could answer them.
      CI: 'true',
      // The packages' scripts find the pinned Node first.
      PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}`,
    },
  })
}
