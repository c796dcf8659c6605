const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff
/** Added to surrogates, which then sort above all other units, in their own order. */
const ABOVE_ALL_UNITS = 0x10000

/**
 * Compares by code point, like databases that compare UTF-8 bytes. JavaScript's own order puts characters beyond U+FFFF,
 * which are surrogate pairs, before those from U+E000 on.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const difference = rank(a.charCodeAt(index)) - rank(b.charCodeAt(index))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function rank(unit: number): number {
  return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE ? unit + ABOVE_ALL_UNITS : unit
}
