/** The server's own paths, which belong to no prefix. */
export const OWN_PATHS: readonly string[] = ['/healthz', '/readyz', '/metrics', '/docs', '/openapi.json']

/** Matches paths without characters that have a special meaning to a router or in a URL. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/

/** Returns the paths below which the API is served; undefined when one of them cannot be, or is within another one. */
export function readPrefixes(text: string): readonly string[] | undefined {
  const prefixes = text.split(',')
  const isFree = (prefix: string, index: number) =>
    PATH.test(prefix) &&
    !prefixes.some((other, at) => at !== index && isWithin(prefix, other)) &&
    !OWN_PATHS.some((own) => isWithin(prefix, own))
  return prefixes.every(isFree) ? prefixes : undefined
}

function isWithin(path: string, other: string): boolean {
  return path === other || path.startsWith(`${other}/`)
}
