import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** The scanner, run as a user runs it. */
export function startScanner(args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(process.execPath, ['--conditions=@viewra/source', MAIN, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const result = ended.then(([stdout, stderr]) => ({ stdout, stderr, exitCode: child.exitCode }))
  return { child, result }
}
