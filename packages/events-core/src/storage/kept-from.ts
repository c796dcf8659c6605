/**
 * Where the kept log begins, by type: `''` stands for every type, `media.*` for all below `media`, `media.added` for
 * itself. Of the entries that cover a type the most specific one counts for it.
 */
export type KeptFrom = ReadonlyMap<string, number>

/** Types, or patterns as a filter has them: all of `types` (by default every type) that are not of `exceptTypes`. */
export interface TypeSelection {
  readonly types?: readonly string[] | undefined
  readonly exceptTypes?: readonly string[] | undefined
}

const EVERY_TYPE = ''
/** Where the log of a new store begins. */
const FIRST_POSITION = 1
/** Publishers may invent types without end, and a policy may name each of them. */
const MAX_ENTRIES = 1_000

/** Returns the map after events of the selected types were removed from below a position. */
export function raise(
  map: KeptFrom,
  { types = ['*'], exceptTypes = [] }: TypeSelection,
  position: number,
): KeptFrom {
  const trimmed = new Set(types.map(entryOf))
  const excepted = new Set(exceptTypes.map(entryOf))
  const raised = new Map(map)
  // With entries of their own the excepted types keep what they have, whatever rises around them.
  for (const entry of [...excepted, ...trimmed]) {
    if (!raised.has(entry)) raised.set(entry, covering(map, entry))
  }
  for (const [entry, value] of raised) {
    if (isWithin(entry, trimmed) && !isWithin(entry, excepted)) raised.set(entry, Math.max(value, position))
  }
  return bounded(withoutRepeats(raised))
}

/** Returns where the kept log of any of these types begins: from there on nothing of them was removed. */
export function keptFrom(map: KeptFrom, types: readonly string[] = ['*']): number {
  const entries = new Set(types.map(entryOf))
  const inside = [...map].filter(([entry]) => isWithin(entry, entries)).map(([, value]) => value)
  return Math.max(...inside, ...Array.from(entries, (entry) => covering(map, entry)))
}

function entryOf(pattern: string): string {
  return pattern === '*' ? EVERY_TYPE : pattern
}

/** The value of the most specific entry that covers another one, or is it. */
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

/** An entry and all that may cover it, the most specific first: `a.b.c`, `a.b.*`, `a.*`, ''. */
function* coversOf(entry: string): Generator<string> {
  yield entry
  const segments = entry.split('.')
  if (segments.at(-1) === '*') segments.pop()
  for (let length = segments.length - 1; length > 0; length--)
    yield `${segments.slice(0, length).join('.')}.*`
  if (entry !== EVERY_TYPE) yield EVERY_TYPE
}

/** Without entries that say what the next more general one says. */
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

/** Beyond the limit one entry stands for all: it tells readers of gaps that are none, but never hides one. */
function bounded(map: KeptFrom): KeptFrom {
  return map.size <= MAX_ENTRIES ? map : new Map([[EVERY_TYPE, Math.max(...map.values())]])
}
