import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { ConfigError } from './config.ts'
import { contentOf } from './tokens-file.ts'

const MIN_LENGTH = 32

/**
 * Returns the secret that a file holds, which signs the cookies of streams. Makes a file that is not there yet, with a
 * random secret that only its owner may read.
 * @throws ConfigError when the file cannot be read or made, or holds too little
 */
export function readCookieSecret(file: string): string {
  try {
    makeUnlessThere(file)
    const secret = contentOf(file).toString().trim()
    if (secret.length >= MIN_LENGTH) return secret
    throw new RangeError(`${file} must hold at least ${MIN_LENGTH} characters; delete it to have one made`)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new ConfigError([`VIEWRA_EVENTS_COOKIE_SECRET_FILE: ${message}`])
  }
}

function makeUnlessThere(file: string): void {
  try {
    writeFileSync(file, `${randomBytes(MIN_LENGTH).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (!isThere) throw error
  }
}
