// `npm run --silent token -- create …`: installs and builds what has changed, then creates, lists or revokes a token.
// Set-up prints to standard error, so that the token alone can be piped.
import path from 'node:path'
import { build } from './setup/build.mjs'
import { install, pinnedNode } from './setup/install.mjs'
import { launch } from './setup/launch.mjs'
import { ROOT } from './setup/pnpm.mjs'
import { StepFailed } from './setup/step.mjs'

try {
  await install()
  await build()
  launch(pinnedNode(), [path.join(ROOT, 'apps/server/dist/main.js'), 'token', ...process.argv.slice(2)])
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  process.exitCode = 1
}
