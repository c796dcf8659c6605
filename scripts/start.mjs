// `npm start`: installs and builds what has changed, then runs the server under the pinned Node. package.json starts it
// with `exec`: otherwise some shells stay in between, die from npm's SIGTERM, and leave this and the server running.
import path from 'node:path'
import { build } from './setup/build.mjs'
import { install, pinnedNode } from './setup/install.mjs'
import { launch } from './setup/launch.mjs'
import { ROOT } from './setup/pnpm.mjs'
import { StepFailed } from './setup/step.mjs'

try {
  await install()
  await build()
  launch(pinnedNode(), [path.join(ROOT, 'apps/server/dist/main.js'), ...process.argv.slice(2)])
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  process.exitCode = 1
}
