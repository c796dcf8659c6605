import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const SHOWN_LINES = 60
const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|META_FETCH_FAIL|ERR_PNPM_FETCH|error sending request/

/** Thrown when a step failed and has already printed why; the caller prints nothing more. */
export class StepFailed extends Error {}

/**
 * Prints a one-line title and runs a command, whose output is shown only if it fails.
 * Forwards a signal to the command, and exits once the command has ended.
 */
export async function step(title, command, args, { cwd, env }) {
  console.error(title)
  const { code, output } = await run(command, args, { cwd, env })
  if (code === 0) return
  console.error(output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n'))
  console.error(`\nFailed: ${title}`)
  if (NO_NETWORK.test(output)) {
    console.error(
      'A package registry could not be reached. Set-up needs the network: connect and run this again.',
    )
  }
  throw new StepFailed(title)
}

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    // npx is a .cmd file on Windows, which only a shell can start; nothing here needs quoting.
    const shell = process.platform === 'win32'
    const child = spawn(command, args, { ...options, shell, stdio: ['ignore', 'pipe', 'pipe'] })
    const undo = handOnSignals(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text) => {
        output += text
      })
    }
    child.once('error', reject)
    child.once('close', (code) => {
      undo()
      resolve({ code, output })
    })
  })
}

function handOnSignals(child) {
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      child.once('close', () => process.exit(128 + constants.signals[signal]))
      child.kill('SIGTERM')
    }
    process.once(signal, handler)
    return { signal, handler }
  })
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler)
  }
}
