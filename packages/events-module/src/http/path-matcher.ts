import type { FastifyInstance } from 'fastify'

type RouterConfig = Pick<FastifyInstance['initialConfig'], 'caseSensitive' | 'routerOptions'>

/**
 * Returns whether paths fit a route's URL, in which a part with a `:` is a variable. As the app's router sees it, except
 * for what a variable may be.
 */
export function pathMatcher(url: string, config: RouterConfig): (path: string) => boolean {
  const pattern = normalPath(url, config).split('/')
  return (path) => {
    const parts = normalPath(path, config).split('/')
    return (
      parts.length === pattern.length &&
      pattern.every((part, index) => (part.includes(':') ? parts[index] !== '' : part === parts[index]))
    )
  }
}

/** The path in the one form of those that the app's router takes for the same. */
export function normalPath(path: string, { caseSensitive, routerOptions }: RouterConfig): string {
  const normal = withoutSlash(decoded(path))
  const ignoresCase = caseSensitive === false || routerOptions?.caseSensitive === false
  return ignoresCase ? normal.toLowerCase() : normal
}

export function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** The router decodes before it matches; what it cannot decode never gets here. */
function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}
