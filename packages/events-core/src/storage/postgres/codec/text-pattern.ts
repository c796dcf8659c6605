import { characterSets } from '../../../filter/text-search.ts'
import { escapeText } from './text-codec.ts'

/** Does not match after the mark or within the digits of an escaped character, which are not part of the text. */
const START = '(?<!\\ufdd0[0-9a-f]{0,3})'

/** Returns an advanced regular expression of PostgreSQL that matches like `compileText`, on texts as stored. */
export function textPattern(text: string): string {
  return START + characterSets(text).map(setPattern).join('')
}

function setPattern(characters: readonly string[]): string {
  const [first = ''] = characters
  const stored = escapeText(first)
  // An escaped character is stored as several characters, and has no case.
  if (stored !== first) return Array.from(stored, byNumber).join('')
  return `[${characters.map(byNumber).join('')}]`
}

/** Writes a character by its number, so that it has no special meaning in the pattern and is not escaped for storage. */
function byNumber(character: string): string {
  return `\\U${character.codePointAt(0)?.toString(16).padStart(8, '0')}`
}
