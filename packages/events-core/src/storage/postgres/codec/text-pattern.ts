import { characterSets } from '../../../filter/text-search.ts'
import { escapeText } from './text-codec.ts'

/** Not behind the mark of an escaped character or in its digits, which are no part of the text. */
const START = '(?<!\\ufdd0[0-9a-f]{0,3})'

/** An advanced regular expression of PostgreSQL that finds what `compileText` does, in texts as the database has them. */
export function textPattern(text: string): string {
  return START + characterSets(text).map(setPattern).join('')
}

function setPattern(characters: readonly string[]): string {
  const [first = ''] = characters
  const stored = escapeText(first)
  // What is stored escaped is several characters, and has no case.
  if (stored !== first) return Array.from(stored, byNumber).join('')
  return `[${characters.map(byNumber).join('')}]`
}

/** By number, so that no character means something to the pattern, or is escaped on the way to the database. */
function byNumber(character: string): string {
  return `\\U${character.codePointAt(0)?.toString(16).padStart(8, '0')}`
}
