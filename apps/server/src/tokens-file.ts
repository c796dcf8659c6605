import { readFileSync, statSync } from 'node:fs'
import { findToken, problemOfTokens, type TokenEntry } from '@viewra/events-module'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { ConfigError } from './config.ts'

/** How long a change of the file may go unseen. */
const LOOK_AGAIN_MS = 1_000

/** The tokens of a JSON file, a list of token entries, which may change while the server runs. */
export class TokensFile {
  readonly #file: string
  readonly #log: FastifyBaseLogger
  #entries: readonly TokenEntry[] = []
  #version = ''
  #looked = 0

  /** @throws ConfigError when the file cannot be read, or holds something else */
  constructor(file: string, log: FastifyBaseLogger) {
    this.#file = file
    this.#log = log
    try {
      this.#read()
    } catch (error) {
      throw new ConfigError([`VIEWRA_EVENTS_TOKENS_FILE: ${messageOf(error)}`])
    }
  }

  /** Those of the moment. While the file is broken they are those it had before: nobody is locked out, or let in. */
  entries(): readonly TokenEntry[] {
    if (performance.now() - this.#looked < LOOK_AGAIN_MS) return this.#entries
    try {
      this.#read()
    } catch (error) {
      this.#log.error({ problem: messageOf(error) }, 'the tokens file cannot be used: its former tokens stay')
    }
    return this.#entries
  }

  /** Whether a request comes with any of the tokens. */
  knows({ headers }: FastifyRequest): boolean {
    const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
    return token !== undefined && findToken(this.entries(), token) !== undefined
  }

  #read(): void {
    this.#looked = performance.now()
    const { mtimeMs, size, ino } = statSync(this.#file)
    const version = [mtimeMs, size, ino].join()
    if (version === this.#version) return
    // Said once for each change, if it is a broken one.
    this.#version = version
    this.#entries = readTokens(this.#file)
  }
}

/** @throws Error when the file cannot be read, or says what it must be when it is something else */
export function readTokens(file: string): readonly TokenEntry[] {
  const value = parseJson(file, readFileSync(file, 'utf8'))
  const problem = problemOfTokens(value)
  if (problem !== undefined) throw new TypeError(`${file} ${problem}`)
  return value as readonly TokenEntry[] // problemOfTokens has looked at every field.
}

/** Without the parser's own message, which quotes the text. */
function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError(`${file} must be JSON`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
