/** What a scan has seen and done so far. */
export interface Tally {
  /** Files that the counting walk came upon. */
  counted: number
  /** Files that the scanning walk came upon: the same, unless the tree has changed in between. */
  found: number
  /** Files whose `media.file.found` is stored. */
  published: number
  /** Files that could not be read. */
  unreadable: number
  /** Everything that was published as a warning: unreadable files and directories, broken links. */
  errors: number
  /** Links that lead somewhere, sockets, FIFOs and devices. */
  skipped: number
  /** Size of the published files together. */
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

/** How much of the files is done, from 0 to 100 with one decimal. */
export function percentDone({ counted, found, published, unreadable }: Readonly<Tally>): number {
  const total = Math.max(counted, found)
  return total === 0 ? 100 : Math.floor(((published + unreadable) / total) * 1000) / 10
}
