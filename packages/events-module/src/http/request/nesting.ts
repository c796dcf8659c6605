/** Deeper than any event: `data` may have 100 levels, and a batch or a CloudEvent is a few more around it. */
export const MAX_NESTING = 500

/**
 * Whether brackets that are open at a time are more than MAX_NESTING. It is asked before a text is parsed: a megabyte of
 * brackets would hold up the parser, and with it everybody else, for a second.
 */
export function isNestedTooDeep(json: string): boolean {
  // Nearly all texts have so few brackets that nobody has to look at what lies between them.
  return hasMore(json, '[', '{') && depthExceeds(json)
}

function hasMore(json: string, ...brackets: readonly string[]): boolean {
  let count = 0
  for (const bracket of brackets) {
    for (let at = json.indexOf(bracket); at !== -1; at = json.indexOf(bracket, at + 1)) {
      if (++count > MAX_NESTING) return true
    }
  }
  return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

function depthExceeds(json: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (inString && code === BACKSLASH) at++
    else if (code === QUOTE) inString = !inString
    else if (!inString) depth += stepOf(code)
    if (depth > MAX_NESTING) return true
  }
  return false
}

/** Both kinds of brackets, beginnings and ends. */
function stepOf(code: number): number {
  if (code === 0x5b || code === 0x7b) return 1
  return code === 0x5d || code === 0x7d ? -1 : 0
}
