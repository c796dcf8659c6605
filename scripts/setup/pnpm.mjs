import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { step } from './step.mjs'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Folders whose sub-folders are the workspace's packages, as pnpm-workspace.yaml says. */
export const WORKSPACE = ['packages', 'apps', 'examples']

/** Where set-up remembers what it has done; it goes away together with what it is about. */
export const STATE = path.join(ROOT, 'node_modules/.viewra')

/** Runs the pnpm that package.json names, without pnpm being installed. */
export async function pnpm(title, args) {
  const { packageManager } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const bin = path.join(ROOT, 'node_modules/.bin')
  await step(title, 'npx', ['--yes', packageManager, ...args], {
    cwd: ROOT,
    env: {
      // The version is exact: what was downloaded once is right, and a build needs no network.
      npm_config_prefer_offline: 'true',
      // Without a network npm would try for more than a minute before it says so.
      npm_config_fetch_retry_mintimeout: '1000',
      npm_config_fetch_retry_maxtimeout: '10000',
      ...process.env,
      // No questions: nobody could answer them.
      CI: 'true',
      // The packages' scripts find the pinned Node first.
      PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}`,
    },
  })
}
