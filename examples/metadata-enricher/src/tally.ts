/** The outcomes of the files that this process has handled. */
export interface Tally {
  enriched: number
  /** Handled once more after a crash: the answer was already stored. */
  repeated: number
  /** Neither audio nor video. */
  skipped: number
  warnings: number
  /** Failed attempts; each file is retried, and finally becomes a dead letter. */
  failures: number
}

export const emptyTally = (): Tally => ({ enriched: 0, repeated: 0, skipped: 0, warnings: 0, failures: 0 })

export function describeTally({ enriched, repeated, skipped, warnings, failures }: Readonly<Tally>): string {
  return `${enriched} enriched, ${repeated} repeated, ${skipped} skipped, ${warnings} warnings, ${failures} failures`
}
