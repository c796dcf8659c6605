/**
 * What each character of a searched text stands for: itself, its lower and its upper case, where that is one character.
 * Every store matches these very sets, so all find the same, whatever Unicode version or locale they know.
 */
export function characterSets(text: string): readonly (readonly string[])[] {
  return Array.from(text, (character) => [
    ...new Set([character, ...[character.toLowerCase(), character.toUpperCase()].filter(isOne)]),
  ])
}

function isOne(text: string): boolean {
  return Array.from(text).length === 1
}

/** Whether one of two texts contains the searched one, in upper or lower case. */
export function compileText(text: string): (title: string, message: string) => boolean {
  const pattern = new RegExp(characterSets(text).map(setPattern).join(''), 'u')
  return (title, message) => pattern.test(title) || pattern.test(message)
}

/** By number, so that no character means something to the pattern. */
function setPattern(characters: readonly string[]): string {
  return `[${characters.map((character) => `\\u{${character.codePointAt(0)?.toString(16)}}`).join('')}]`
}
