import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { Script, setup, temporaryFolder } from './child.ts'

/** Runs `code` as a step. */
function stepOf(code: string): Script {
  const runner = `
    import { step, StepFailed } from '${setup('step.mjs')}'
    try {
      await step('Working…', process.execPath, ['--eval', process.argv[1]], { cwd: process.cwd(), env: process.env })
      console.log('done')
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error
      process.exitCode = 1
    }
  `
  return new Script(runner, [code])
}

test('a step that succeeds shows only its title', async () => {
  expect(await stepOf('console.log("noise")').exit).toEqual({ code: 0, output: 'Working…\ndone\n' })
})

test('a step that fails shows its output', async () => {
  const { code, output } = await stepOf('console.error("no such thing"); process.exit(3)').exit
  expect(code).toBe(1)
  expect(output).toContain('no such thing')
  expect(output).not.toContain('network')
})

test('a step that cannot reach the network says so', async () => {
  const { output } = await stepOf('console.error("getaddrinfo EAI_AGAIN host"); process.exit(1)').exit
  expect(output).toContain('needs the network')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends what the step runs, and then the process', async (signal, code) => {
  const started = path.join(temporaryFolder(), 'started')
  const step = stepOf(`
    const { rmSync, writeFileSync } = require('node:fs')
    process.on('SIGTERM', () => {
      rmSync(${JSON.stringify(started)})
      process.exit(0)
    })
    setTimeout(() => {}, 60_000)
    writeFileSync(${JSON.stringify(started)}, '')
  `)
  await vi.waitFor(() => expect(existsSync(started)).toBe(true), { timeout: 20_000 })
  step.kill(signal)
  expect(await step.exit).toEqual({ code, output: 'Working…\n' })
  expect(existsSync(started)).toBe(false)
})
