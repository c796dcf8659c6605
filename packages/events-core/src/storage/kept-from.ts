/**
 * The position from which on the log is kept, by type: `''` stands for every type, `media.*` for all below `media`,
 * `media.added` for itself. Of the entries that cover a type, the most specific one applies.
 */
export type KeptFrom = ReadonlyMap<string, number>

/**
 * Selects types by name or by pattern, as in a filter: all of `types` (by default every type) except those of
 * `exceptTypes`.
 */
export interface TypeSelection {
  readonly types?: readonly string[] | undefined
  readonly exceptTypes?: readonly string[] | undefined
}

const EVERY_TYPE = ''
/** The first position of a new store. */
const FIRST_POSITION = 1
/** The maximum number of entries: publishers may invent any number of types, and a policy may name each of them. */
const MAX_ENTRIES = 1_000

/** Returns the map that holds after events of the selected types below a position were removed. */
export function raise(
  map: KeptFrom,
  { types = ['*'], exceptTypes = [] }: TypeSelection,
  position: number,
): KeptFrom {
  const trimmed = new Set(types.map(entryOf))
  const excepted = new Set(exceptTypes.map(entryOf))
  const raised = new Map(map)
  // The excepted types get entries of their own, so that they keep their values when a more general entry rises.
  for (const entry of [...excepted, ...trimmed]) {
    if (!raised.has(entry)) raised.set(entry, covering(map, entry))
  }
  for (const [entry, value] of raised) {
    if (isWithin(entry, trimmed) && !isWithin(entry, excepted)) raised.set(entry, Math.max(value, position))
  }
  return bounded(withoutRepeats(raised))
}

/** Returns the position from which on no event of these types was removed. */
export function keptFrom(map: KeptFrom, types: readonly string[] = ['*']): number {
  const entries = new Set(types.map(entryOf))
  const inside = [...map].filter(([entry]) => isWithin(entry, entries)).map(([, value]) => value)
  return Math.max(...inside, ...Array.from(entries, (entry) => covering(map, entry)))
}

function entryOf(pattern: string): string {
  return pattern === '*' ? EVERY_TYPE : pattern
}

/** Returns the value of the most specific entry that equals or covers another one. */
function covering(map: KeptFrom, entry: string): number {
  for (const cover of coversOf(entry)) {
    const value = map.get(cover)
    if (value !== undefined) return value
  }
  return FIRST_POSITION
}

function isWithin(entry: string, entries: ReadonlySet<string>): boolean {
  for (const cover of coversOf(entry)) if (entries.has(cover)) return true
  return false
}

/** Yields an entry and all that may cover it, the most specific first: `a.b.c`, `a.b.*`, `a.*`, ''. */
function* coversOf(entry: string): Generator<string> {
  yield entry
  const segments = entry.split('.')
  if (segments.at(-1) === '*') segments.pop()
  for (let length = segments.length - 1; length > 0; length--)
    yield `${segments.slice(0, length).join('.')}.*`
  if (entry !== EVERY_TYPE) yield EVERY_TYPE
}

/** Removes entries that have the same value as the next more general one. */
function withoutRepeats(map: KeptFrom): KeptFrom {
  return new Map(
    [...map].filter(([entry, value]) => entry === EVERY_TYPE || value !== coveringAbove(map, entry)),
  )
}

function coveringAbove(map: KeptFrom, entry: string): number {
  const [, ...above] = coversOf(entry)
  const cover = above.find((candidate) => map.has(candidate))
  return (cover !== undefined && map.get(cover)) || FIRST_POSITION
}

/** Replaces all entries by one if there are too many: readers may then see gaps that do not exist, but never miss one. */
function bounded(map: KeptFrom): KeptFrom {
  return map.size <= MAX_ENTRIES ? map : new Map([[EVERY_TYPE, Math.max(...map.values())]])
}
