// Prepares a fresh checkout for everything except a build: `npm test` runs it first.
import { install } from './setup/install.mjs'
import { StepFailed } from './setup/step.mjs'

try {
  await install()
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  process.exitCode = 1
}
