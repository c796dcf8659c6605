/** The counts of a scan so far. */
export interface Tally {
  /** Files found by the counting walk. */
  counted: number
  /** Files found by the scanning walk: the same number, unless the tree has changed in between. */
  found: number
  /** Files whose `media.file.found` is stored. */
  published: number
  /** Files that could not be read. */
  unreadable: number
  /** Everything published as a warning: unreadable files and directories, broken links. */
  errors: number
  /** Links that lead somewhere, sockets, FIFOs and devices. */
  skipped: number
  /** Total size of the published files. */
  bytes: number
}

export const emptyTally = (): Tally => ({
  counted: 0,
  found: 0,
  published: 0,
  unreadable: 0,
  errors: 0,
  skipped: 0,
  bytes: 0,
})

/** Returns the percentage of files done, from 0 to 100 with one decimal. */
export function percentDone({ counted, found, published, unreadable }: Readonly<Tally>): number {
  const total = Math.max(counted, found)
  return total === 0 ? 100 : Math.floor(((published + unreadable) / total) * 1000) / 10
}
