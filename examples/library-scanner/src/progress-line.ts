import type { Progress } from './scan-events.ts'
import { throttle } from './throttle.ts'

/** The part of a terminal's or a file's stream that is used. */
export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const PLAIN_INTERVAL_MS = 5_000
const BAR_WIDTH = 24
const ERASE_LINE = '\r\u001b[K'

/**
 * Shows progress in one line that is overwritten or, where that is impossible, in a new line every five
 * seconds. Omits the current file: its name may contain control characters and be longer than a line.
 */
export class ProgressLine {
  readonly #output: Output
  readonly #plainDue: () => boolean

  /** @param now returns milliseconds since any moment; must not go back */
  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output
    this.#plainDue = throttle(PLAIN_INTERVAL_MS, now)
  }

  show(progress: Progress): void {
    if (this.#output.isTTY) this.#output.write(`${ERASE_LINE}${bar(progress.progress)} ${figures(progress)}`)
    else if (this.#plainDue()) this.#output.write(`${figures(progress)}\n`)
  }

  /** Removes the line, so that later output is not mixed with it. */
  end(): void {
    if (this.#output.isTTY) this.#output.write(ERASE_LINE)
  }
}

function bar(percent: number): string {
  const done = Math.floor((percent / 100) * BAR_WIDTH)
  return `[${'='.repeat(done)}${' '.repeat(BAR_WIDTH - done)}]`
}

function figures(progress: Progress): string {
  const {
    files_processed: files,
    files_found: total,
    bytes_processed: size,
    error_count: errors = 0,
  } = progress
  const problems = errors === 0 ? '' : `, ${errors} errors`
  return `${progress.progress.toFixed(1)} % ${files}/${total} files, ${formatBytes(size)}${problems}`
}

/** Formats a size with at most one decimal, in powers of 1,024: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`
}
