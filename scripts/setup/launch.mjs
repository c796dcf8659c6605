import { spawn } from 'node:child_process'
import { constants } from 'node:os'

// One Ctrl-C arrives here twice, from the terminal and from npm; a person's second one comes later than this.
const SAME_SIGNAL_MS = 300

/**
 * Runs a command in this process's place: its output, its exit code, and signals to this process are the command's.
 * The command gets an IPC channel whose end tells it when this process is gone without a word.
 */
export function launch(command, args, now = () => performance.now()) {
  const child = spawn(command, args, {
    // A group of its own: signals reach it through this process only, and so each one once.
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
