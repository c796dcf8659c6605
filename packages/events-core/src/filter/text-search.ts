/**
 * Returns what each character of a search text matches: itself, its lower and its upper case, if that is a single character.
 * Every store matches exactly these sets, so all find the same, whatever Unicode version or locale they use.
 */
export function characterSets(text: string): readonly (readonly string[])[] {
  return Array.from(text, (character) => [
    ...new Set([character, ...[character.toLowerCase(), character.toUpperCase()].filter(isOne)]),
  ])
}

function isOne(text: string): boolean {
  return Array.from(text).length === 1
}

/** Compiles a check whether one of two strings contains the search text, in upper or lower case. */
export function compileText(text: string): (title: string, message: string) => boolean {
  const pattern = new RegExp(characterSets(text).map(setPattern).join(''), 'u')
  return (title, message) => pattern.test(title) || pattern.test(message)
}

/** Escapes characters by number, so that none has a meaning in the pattern. */
function setPattern(characters: readonly string[]): string {
  return `[${characters.map((character) => `\\u{${character.codePointAt(0)?.toString(16)}}`).join('')}]`
}
