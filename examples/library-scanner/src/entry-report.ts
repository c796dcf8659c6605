import { type FileProblem, problemOf } from './file-problem.ts'
import { type Fingerprint, fingerprint } from './fingerprint.ts'
import type { Publisher } from './publishers/publisher.ts'
import type { ScanEvents } from './scan-events.ts'
import type { Tally } from './tally.ts'
import type { Entry } from './walk.ts'

export interface EntryReportOptions {
  readonly publisher: Pick<Publisher, 'publish'>
  readonly events: ScanEvents
  /** The counts that it increments. */
  readonly tally: Tally
}

/** Publishes and counts the entries that a walk finds. */
export class EntryReport {
  readonly #options: EntryReportOptions

  constructor(options: EntryReportOptions) {
    this.#options = options
  }

  /** @throws whatever the publisher throws */
  async entry(entry: Entry): Promise<void> {
    const { tally } = this.#options
    if (entry.kind === 'file') {
      tally.found++
      await this.#file(entry.path)
    } else if (entry.kind === 'problem') {
      await this.#problem(entry.problem)
    } else {
      tally.skipped++
    }
  }

  async #file(path: string): Promise<void> {
    const { publisher, events, tally } = this.#options
    let print: Fingerprint
    try {
      print = await fingerprint(path)
    } catch (error) {
      await this.#problem(problemOf(error, path))
      tally.unreadable++
      return
    }
    await publisher.publish(events.fileFound(path, print))
    tally.published++
    tally.bytes += print.size
  }

  async #problem(problem: FileProblem): Promise<void> {
    const { publisher, events, tally } = this.#options
    await publisher.publish(events.warning(problem))
    tally.errors++
  }
}
