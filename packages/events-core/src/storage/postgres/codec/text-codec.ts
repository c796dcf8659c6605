/**
 * PostgreSQL's text has no NUL and no half of a surrogate pair, and its jsonb has neither, however written. So both go
 * as four hexadecimal digits behind a mark: a noncharacter, which Unicode keeps for such inner use. The mark itself goes
 * the same way, so every text comes back as it was; and what begins with another still does.
 */
const MARK = '\ufdd0'

/** Also true of whole pairs, which is no harm: it only has to be quick. */
const MAY_NEED_ESCAPE = /[\0\ufdd0\ud800-\udfff]/
const UNSTORABLE = /[\0\ufdd0]|\p{Surrogate}/gu
const JSON_MAY_NEED_ESCAPE = /\\u(?:0000|d[89a-f])|\ufdd0/i
/** Every escape sequence, so that the second backslash of two is not taken for the first of one. */
const JSON_ESCAPES = /\\(?:u(0000|d[89a-f][0-9a-f]{2})|.)|\ufdd0/gi
const MARKED = /\ufdd0([0-9a-f]{4})/g

export function escapeText(text: string): string {
  return MAY_NEED_ESCAPE.test(text) ? text.replace(UNSTORABLE, mark) : text
}

export function unescapeText(text: string): string {
  if (!text.includes(MARK)) return text
  return text.replace(MARKED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** The same for JSON text, in which what cannot be stored is an escape sequence of JSON's. */
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
