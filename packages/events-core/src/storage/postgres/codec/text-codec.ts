/**
 * Neither PostgreSQL's text nor its jsonb can contain NUL or half of a surrogate pair, however written. So both are stored
 * as four hexadecimal digits after a mark: a noncharacter, which Unicode reserves for internal use. The mark itself is
 * escaped the same way, so every string is read back unchanged, and prefixes stay prefixes.
 */
const MARK = '\ufdd0'

/** Also matches whole pairs, which does no harm: the test only has to be quick. */
const MAY_NEED_ESCAPE = /[\0\ufdd0\ud800-\udfff]/
const UNSTORABLE = /[\0\ufdd0]|\p{Surrogate}/gu
const JSON_MAY_NEED_ESCAPE = /\\u(?:0000|d[89a-f])|\ufdd0/i
/** Matches every escape sequence, so that the second of two backslashes does not count as the start of another. */
const JSON_ESCAPES = /\\(?:u(0000|d[89a-f][0-9a-f]{2})|.)|\ufdd0/gi
const MARKED = /\ufdd0([0-9a-f]{4})/g

export function escapeText(text: string): string {
  return MAY_NEED_ESCAPE.test(text) ? text.replace(UNSTORABLE, mark) : text
}

export function unescapeText(text: string): string {
  if (!text.includes(MARK)) return text
  return text.replace(MARKED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Escapes JSON text, in which the characters that cannot be stored are JSON escape sequences. */
export function escapeJson(json: string): string {
  if (!JSON_MAY_NEED_ESCAPE.test(json)) return json
  return json.replace(JSON_ESCAPES, (found, hex: string | undefined) => {
    if (found === MARK) return mark(MARK)
    return hex === undefined ? found : MARK + hex.toLowerCase()
  })
}

export function unescapeJson(json: string): string {
  if (!json.includes(MARK)) return json
  return json.replace(MARKED, (_, hex: string) => (hex === 'fdd0' ? MARK : `\\u${hex}`))
}

function mark(character: string): string {
  return MARK + character.charCodeAt(0).toString(16).padStart(4, '0')
}
