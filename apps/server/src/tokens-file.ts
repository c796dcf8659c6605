import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import type { HealthCheck } from '@viewra/events-core'
import { findToken, problemOfTokens, type TokenEntry } from '@viewra/events-module'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { ConfigError } from './config.ts'

/** The interval between two checks of the file for changes. */
const LOOK_AGAIN_MS = 1_000

/** The time for which the file may be unusable, while it is being replaced, before health reports it. */
const EXCHANGE_MS = 10_000

/** The interval after which the log repeats that the file is still unusable. */
const REPEAT_MS = 60_000

interface Trouble {
  readonly message: string
  readonly sinceMs: number
  readonly loggedMs: number
}

/** The tokens of a JSON file, a list of token entries, which may change while the server runs. */
export class TokensFile {
  readonly #file: string
  readonly #log: Pick<FastifyBaseLogger, 'error' | 'info'>
  #entries: readonly TokenEntry[]
  /** The content that `#entries` was read from. */
  #content: Buffer
  #lookedMs = performance.now()
  #trouble: Trouble | undefined

  /** @throws ConfigError when the file cannot be read, or holds something else */
  constructor(file: string, log: Pick<FastifyBaseLogger, 'error' | 'info'>) {
    this.#file = file
    this.#log = log
    try {
      this.#content = contentOf(file)
      this.#entries = parseTokens(file, this.#content)
    } catch (error) {
      throw new ConfigError([`VIEWRA_EVENTS_TOKENS_FILE: ${messageOf(error)}`])
    }
  }

  /**
   * Returns the tokens of the moment. While the file is unusable they are those it had before: nobody is locked out,
   * or let in.
   */
  entries(): readonly TokenEntry[] {
    if (performance.now() - this.#lookedMs >= LOOK_AGAIN_MS) this.#look()
    return this.#entries
  }

  /** Returns whether a request carries one of the tokens. */
  knows({ headers }: FastifyRequest): boolean {
    const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
    return token !== undefined && findToken(this.entries(), token) !== undefined
  }

  /** Returns the number of tokens; degraded once the file has been unusable for longer than an exchange takes. */
  health(): HealthCheck {
    const tokens = this.entries().length
    const forMs = performance.now() - (this.#trouble?.sinceMs ?? Number.POSITIVE_INFINITY)
    if (forMs < EXCHANGE_MS) return { status: 'ok', tokens }
    const detail = `the tokens file has been unusable for ${Math.round(forMs / 1_000)} s: its former tokens stay valid, and those revoked since do too; the log says why`
    return { status: 'degraded', tokens, detail }
  }

  /**
   * Reads the whole file each time. Neither its time nor its size tells whether it has changed: a copy keeps the time,
   * two writes may fall into one tick of the clock, and a file that could not be read keeps both.
   */
  #look(): void {
    this.#lookedMs = performance.now()
    try {
      const content = contentOf(this.#file)
      if (!content.equals(this.#content)) {
        this.#entries = parseTokens(this.#file, content)
        this.#content = content
      }
    } catch (error) {
      this.#tell(messageOf(error))
      return
    }
    if (this.#trouble === undefined) return
    this.#trouble = undefined
    this.#log.info('the tokens file can be used again')
  }

  #tell(message: string): void {
    const nowMs = performance.now()
    const before = this.#trouble
    const isTold = before?.message === message && nowMs - before.loggedMs < REPEAT_MS
    this.#trouble = { message, sinceMs: before?.sinceMs ?? nowMs, loggedMs: isTold ? before.loggedMs : nowMs }
    if (isTold) return
    this.#log.error(
      { problem: message, unusableForMs: Math.round(nowMs - this.#trouble.sinceMs) },
      'the tokens file cannot be used: its former tokens stay, and those revoked since stay valid',
    )
  }
}

/** @throws Error when the file cannot be read, or says what it must be when it is something else */
export function readTokens(file: string): readonly TokenEntry[] {
  return parseTokens(file, contentOf(file))
}

/** Without waiting: to open a named pipe hangs until somebody writes to it, and a device may never end. */
export function contentOf(file: string): Buffer {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!fstatSync(descriptor).isFile()) throw new TypeError(`${file} must be a regular file`)
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function parseTokens(file: string, content: Buffer): readonly TokenEntry[] {
  const value = parseJson(file, content)
  const problem = problemOfTokens(value)
  if (problem !== undefined) throw new TypeError(`${file} ${problem}`)
  return value as readonly TokenEntry[] // problemOfTokens has looked at every field.
}

/** Without the parser's own message, which quotes the text. The decoder skips the byte order mark of some editors. */
function parseJson(file: string, content: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content))
  } catch {
    throw new TypeError(`${file} must be JSON in UTF-8`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
