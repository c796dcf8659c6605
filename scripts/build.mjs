// Builds packages and apps when their sources have changed.
import { build } from './setup/build.mjs'
import { install } from './setup/install.mjs'
import { StepFailed } from './setup/step.mjs'

try {
  await install()
  await build()
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  process.exitCode = 1
}
