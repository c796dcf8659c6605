// Does what someone trying the server does: `npm start`, publish, read, stop, and once more with the same data.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ROOT } from './setup/pnpm.mjs'

const folder = mkdtempSync(path.join(tmpdir(), 'viewra-events-start-'))
try {
  await withServer(async (url) => {
    const body = JSON.stringify({ id: 'first', type: 'test.published', source: 'system' })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/v1/events`, { method: 'POST', headers, body })
    if (response.status !== 201) throw new Error(`publishing returned ${response.status}`)
  })
  await withServer(async (url) => {
    const response = await fetch(`${url}/api/v1/events/first`)
    if (response.status !== 200)
      throw new Error(`after a restart, reading the event returned ${response.status}`)
  })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function withServer(work) {
  const began = performance.now()
  const npm = spawn('npm', ['start'], {
    cwd: ROOT,
    env: {
      ...process.env,
      VIEWRA_EVENTS_PORT: '0',
      VIEWRA_EVENTS_DATABASE_URL: `sqlite:${path.join(folder, 'events.db')}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(npm, 'exit')
  try {
    const url = await addressIn(npm.stdout)
    await (await fetch(`${url}/readyz`)).text()
    console.log(`Ready after ${Math.round(performance.now() - began)} ms`)
    await work(url)
    npm.kill('SIGTERM')
    const [code, signal] = await exited
    if (code !== 0) throw new Error(`npm start exited with ${code ?? signal}`)
    await fetch(url).then(
      () => Promise.reject(new Error('npm start has exited, but the server still responds')),
      () => undefined,
    )
  } finally {
    npm.kill('SIGTERM')
  }
}

async function addressIn(stdout) {
  let output = ''
  for await (const chunk of stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    output += chunk
    const found = /listening on (\S+)/.exec(output)
    if (found !== null) {
      // Later output does not matter, but must not fill the pipe.
      stdout.resume()
      return found[1]
    }
  }
  throw new Error(`the server did not start:\n${output}`)
}
