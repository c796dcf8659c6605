import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import chromium, { inflate } from '@sparticuz/chromium'
import { type Browser, chromium as playwright } from 'playwright-core'

/** The package brings the libraries that the browser needs, but unpacks them only where it expects to be run. */
async function unpackLibraries(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@sparticuz/chromium'))
  await inflate(path.join(path.dirname(entry), '../bin/al2023.tar.br'))
  return path.join(tmpdir(), 'al2023', 'lib')
}

/** Starts a real, headless Chromium; on a busy machine that may take most of a minute. */
export async function launchBrowser(): Promise<Browser> {
  const libraries = await unpackLibraries()
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    // It is given pages of this machine only, so it has nothing to ask of any other.
    args: [
      ...chromium.args,
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
    headless: true,
  })
}
