import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { Script, setup, temporaryFolder } from './child.ts'

/** Holds the lock until told to release it, or for a moment. */
const HOLD = `
  import { existsSync } from 'node:fs'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { withLock } from '${setup('lock.mjs')}'
  const [, lock, goOn] = process.argv
  await withLock(lock, async () => {
    console.log('in')
    while (!existsSync(goOn)) await sleep(10)
    console.log('out')
  })
`

function files(): { readonly lock: string; readonly goOn: string } {
  const folder = temporaryFolder()
  return { lock: path.join(folder, 'deep', 'lock'), goOn: path.join(folder, 'go-on') }
}

test('of two processes that want the lock, one waits for the other and says so', async () => {
  const { lock, goOn } = files()
  const first = new Script(HOLD, [lock, goOn])
  await first.says(/in/)
  const second = new Script(HOLD, [lock, goOn])
  await second.says(/Waiting/)
  expect(second.output).not.toContain('in\n')
  writeFileSync(goOn, '')
  expect(await first.exit).toMatchObject({ code: 0 })
  expect(await second.exit).toMatchObject({ code: 0, output: expect.stringContaining('in\nout') })
  expect(existsSync(lock)).toBe(false)
})

test('the lock of a process that was killed is taken over', async () => {
  const { lock, goOn } = files()
  const first = new Script(HOLD, [lock, goOn])
  await first.says(/in/)
  first.kill('SIGKILL')
  await first.exit
  expect(existsSync(lock)).toBe(true)
  writeFileSync(goOn, '')
  expect(await new Script(HOLD, [lock, goOn]).exit).toEqual({ code: 0, output: 'in\nout\n' })
})

test('work that fails releases the lock', async () => {
  const { lock, goOn } = files()
  const failing = `
    import { withLock } from '${setup('lock.mjs')}'
    await withLock(process.argv[1], async () => { throw new Error('no') })
  `
  expect((await new Script(failing, [lock]).exit).code).toBe(1)
  writeFileSync(goOn, '')
  expect(await new Script(HOLD, [lock, goOn]).exit).toMatchObject({ code: 0 })
})

test('a folder that this user may not write causes a message with what to do, without a stack', async () => {
  const folder = temporaryFolder()
  chmodSync(folder, 0o555)
  const code = `
    import { StepFailed } from '${setup('step.mjs')}'
    import { withLock } from '${setup('lock.mjs')}'
    // Root may write whatever the mode is.
    if (process.getuid?.() === 0) process.setuid(65_534)
    await withLock(process.argv[1], async () => {}).catch((error) => {
      if (!(error instanceof StepFailed)) throw error
      process.exitCode = 1
    })
  `
  const { code: exitCode, output } = await new Script(code, [path.join(folder, 'state/lock')]).exit
  expect(exitCode).toBe(1)
  expect(output).toMatch(/^Dependencies or build .*may not write .*npm run build.*\n$/)
})
