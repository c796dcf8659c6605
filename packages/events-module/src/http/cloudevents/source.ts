/** RFC 3986, section 4.1, with escapes in their one form; what is wrong in an IP address in brackets is let pass. */
const URI_REFERENCE = uriReference()

function uriReference(): RegExp {
  const pchar = "(?:[\\w.~!$&'()*+,;=:@-]|%[0-9A-F]{2})"
  const segmentWithoutColon = "(?:[\\w.~!$&'()*+,;=@-]|%[0-9A-F]{2})"
  const userinfo = "(?:(?:[\\w.~!$&'()*+,;=:-]|%[0-9A-F]{2})*@)?"
  const host = "(?:\\[[\\w.~!$&'()*+,;=:-]+\\]|(?:[\\w.~!$&'()*+,;=-]|%[0-9A-F]{2})*)"
  const authority = `//${userinfo}${host}(?::\\d*)?(?:/${pchar}*)*`
  const absolute = `/(?:${pchar}+(?:/${pchar}*)*)?`
  const withScheme = `[A-Za-z][A-Za-z0-9+.-]*:(?:${authority}|${absolute}|${pchar}+(?:/${pchar}*)*)?`
  const relative = `(?:${authority}|${absolute}|${segmentWithoutColon}+(?:/${pchar}*)*)?`
  const suffix = `(?:\\?(?:${pchar}|[/?])*)?(?:#(?:${pchar}|[/?])*)?`
  return new RegExp(`^(?:${withScheme}|${relative})${suffix}$`)
}

/** What may stand in a URI reference as it is, though not everywhere. */
const NEEDS_ESCAPE = /[^\w.~!$&'()*+,;=:@/?#[\]-]+/g

const ESCAPE_OF_UNRESERVED = /%(?:2D|2E|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/g
const ESCAPE = /%[0-9a-f]{2}/gi

/**
 * A source of any text as a URI reference: `plugin:a` as it is, a space as `%20`. Where its delimiters make no URI
 * reference, those are escaped too. `readSource` makes the same text of it.
 */
export function writeSource(source: string): string {
  const lenient = source.replace(NEEDS_ESCAPE, encodeURIComponent)
  return URI_REFERENCE.test(lenient) ? lenient : encodeURIComponent(source)
}

/**
 * The source that a URI reference stands for, or undefined when `writeSource` would not give the same URI reference
 * back: it is none, or it escapes a delimiter that means something else when it is not escaped.
 */
export function readSource(uri: string): string | undefined {
  try {
    const source = decodeURIComponent(uri)
    return normalized(writeSource(source)) === normalized(uri) ? source : undefined
  } catch (error) {
    // Of malformed escapes.
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** Returns whether a string is a URI reference as RFC 3986, section 4.1, has it. */
export function isUriReference(text: string): boolean {
  return URI_REFERENCE.test(normalized(text))
}

/** RFC 3986, section 6.2.2: the same URI, with hexadecimal digits in one case and nothing escaped without need. */
function normalized(uri: string): string {
  return uri
    .replace(ESCAPE, (digits) => digits.toUpperCase())
    .replace(ESCAPE_OF_UNRESERVED, (digits) => decodeURIComponent(digits))
}
