import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { Script, setup, temporaryFolder } from './child.ts'

/** The launched command: it prints what reaches it, and exits when told to. */
const COMMAND = `
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => console.log('got ' + signal + ' ' + ++signals))
  }
  process.on('SIGUSR2', () => process.exit(7))
  process.on('disconnect', () => { console.log('launcher gone'); process.exit(0) })
  console.log('command ' + process.pid + ' ' + process.argv.slice(2).join(','))
`

interface Launched {
  readonly launcher: Script
  readonly pid: number
  /** Sets the launcher's clock. */
  readonly at: (nowMs: number) => void
}

async function launched(): Promise<Launched> {
  const clock = path.join(temporaryFolder(), 'clock')
  const at = (nowMs: number) => writeFileSync(clock, String(nowMs))
  at(0)
  const code = `
    import { readFileSync } from 'node:fs'
    import { launch } from '${setup('launch.mjs')}'
    const [, command, clock, ...args] = process.argv
    let asked = 0
    const now = () => {
      console.log('clock ' + ++asked)
      return Number(readFileSync(clock, 'utf8'))
    }
    launch(process.execPath, ['--eval', command, '--', 'x', ...args], now)
  `
  const launcher = new Script(code, [COMMAND, clock, 'one', 'two'])
  const [, pid] = await launcher.says(/command (\d+)/)
  return { launcher, pid: Number(pid), at }
}

describe('a launched command', () => {
  test('gets the arguments, and its exit code is that of the launcher', async () => {
    const { launcher, pid } = await launched()
    process.kill(pid, 'SIGUSR2')
    const exit = await launcher.exit
    expect(exit.code).toBe(7)
    expect(exit.output).toContain('one,two')
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('gets %s, once for one Ctrl-C', async (signal) => {
    const { launcher, pid, at } = await launched()
    launcher.kill(signal)
    await launcher.says(new RegExp(`got ${signal} 1`))
    // Once from the terminal and once from npm.
    at(299)
    launcher.kill(signal)
    await launcher.says(/clock 2/)
    at(700)
    launcher.kill(signal)
    await launcher.says(/clock 3/)
    await launcher.says(new RegExp(`got ${signal} 2`))
    process.kill(pid, 'SIGUSR2')
    expect((await launcher.exit).output).not.toContain(`got ${signal} 3`)
  })

  test('killed by a signal gets the exit code that a shell would give it', async () => {
    const { launcher, pid } = await launched()
    process.kill(pid, 'SIGKILL')
    expect((await launcher.exit).code).toBe(137)
  })

  test('notices when its launcher is killed', async () => {
    const { launcher } = await launched()
    launcher.kill('SIGKILL')
    // The command holds the output open: the output ends when the command does.
    expect((await launcher.exit).output).toContain('launcher gone')
  })
})
