// `npm run test:quick`: the tests without files and servers, and test files changed since the last commit.
import { execFileSync, spawnSync } from 'node:child_process'
import { install } from './setup/install.mjs'
import { ROOT } from './setup/pnpm.mjs'
import { StepFailed } from './setup/step.mjs'

function changedTests() {
  const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0')
  const changed = [
    ...git('diff', '--name-only', '--diff-filter=d', '-z', 'HEAD'),
    ...git('ls-files', '--others', '--exclude-standard', '-z'),
  ]
  return changed.filter((file) => file.endsWith('.test.ts'))
}

function vitest(...args) {
  const command = ['vitest', 'run', '--config', 'vitest.workspace.ts', ...args]
  // npm puts the pinned vitest on the path; it is a .cmd file on Windows.
  const { status } = spawnSync('npx', command, {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new StepFailed('Testing…')
}

try {
  await install()
  vitest('--project', 'unit')
  const changed = changedTests()
  if (changed.length > 0) vitest('--project', '!unit', '--passWithNoTests', ...changed)
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  process.exitCode = 1
}
