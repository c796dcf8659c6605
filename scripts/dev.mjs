// `npm run dev`: runs the server from its sources, without a build, and restarts it when a source changes.
import path from 'node:path'
import { install, pinnedNode } from './setup/install.mjs'
import { launch } from './setup/launch.mjs'
import { ROOT } from './setup/pnpm.mjs'
import { StepFailed } from './setup/step.mjs'

const SERVER = path.join(ROOT, 'apps/server/src/main.ts')

try {
  await install()
  launch(pinnedNode(), [
    '--watch',
    '--watch-preserve-output',
    '--conditions=@viewra/source',
    SERVER,
    ...process.argv.slice(2),
  ])
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  process.exitCode = 1
}
