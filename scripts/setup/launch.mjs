import { spawn } from 'node:child_process'
import { constants } from 'node:os'

// One Ctrl-C arrives twice, from the terminal and from npm; a person's second Ctrl-C comes later than this.
const SAME_SIGNAL_MS = 300

/**
 * Runs a command in place of this process: output and exit code are the command's, and signals are forwarded to it.
 * The command gets an IPC channel; when it closes, the command knows that this process was killed.
 */
export function launch(command, args, now = () => performance.now()) {
  const child = spawn(command, args, {
    // A process group of its own: signals reach it only through this process, and so each one once.
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const lastMs = new Map()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const nowMs = now()
      const repeated = nowMs - (lastMs.get(signal) ?? Number.NEGATIVE_INFINITY) < SAME_SIGNAL_MS
      lastMs.set(signal, nowMs)
      if (!repeated) child.kill(signal)
    })
  }
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
