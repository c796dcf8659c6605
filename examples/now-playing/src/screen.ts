import type { Sessions } from './read-sessions.ts'
import { describe, tableOf } from './table.ts'

/** The part of a terminal's or a file's stream that is used. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** Shows sessions as a table that is redrawn or, where that is impossible, in a line for each that begins or ends. */
export class Screen {
  readonly #output: Output
  #lines: readonly string[] = []
  #sessions: Sessions = new Map()

  constructor(output: Output) {
    this.#output = output
  }

  show(sessions: Sessions): void {
    if (this.#output.isTTY) this.#redraw(sessions)
    else this.#printChanges(sessions)
    this.#sessions = sessions
  }

  #redraw(sessions: Sessions): void {
    const { columns = 80, rows = 24 } = this.#output
    // The cursor is below the last line.
    const lines = tableOf(sessions, { columns, rows: Math.max(2, rows - 1) })
    if (lines.join('\n') === this.#lines.join('\n')) return
    const up = this.#lines.length === 0 ? '' : `\u001b[${this.#lines.length}A`
    this.#output.write(`${up}\u001b[J${lines.map((line) => `${line}\n`).join('')}`)
    this.#lines = lines
  }

  #printChanges(sessions: Sessions): void {
    for (const [id, session] of this.#sessions)
      if (sessions.get(id)?.since_ms !== session.since_ms)
        this.#output.write(`${describe(session).replace(' watches ', ' no longer watches ')}\n`)
    for (const [id, session] of sessions)
      if (this.#sessions.get(id)?.since_ms !== session.since_ms) this.#output.write(`${describe(session)}\n`)
  }
}
