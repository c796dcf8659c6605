import path from 'node:path'

export interface Database {
  /** The URL for `createStorage`; a path in it is absolute. */
  readonly url: string
  /** The location of the events for people to read, without a password. */
  readonly place: string
}

export function databaseOf(url: string, directory: string): Database {
  if (url === 'memory:') return { url, place: 'in memory only, gone when it stops' }
  if (!url.startsWith('sqlite:')) return { url, place: `in ${withoutCredentials(url)}` }
  const file = path.resolve(directory, url.slice('sqlite:'.length))
  return { url: `sqlite:${file}`, place: `in ${file}` }
}

/**
 * A wrong value as an error may show it. Passwords have many places in the addresses of databases, so hardly anything is
 * shown.
 */
export function shownDatabaseUrl(value: string): string {
  if (/^(sqlite|memory):|^[^@:=?;]*$/.test(value)) return value
  return `${/^[a-z][a-z\d+.-]*:\/\//i.exec(value)?.[0] ?? ''}***`
}

function withoutCredentials(url: string): string {
  // A URL of a Unix socket has no host, but may have a user.
  const parsed = URL.parse(url) ?? URL.parse(url.replace('@/', '@socket/'))
  if (parsed === null) return 'PostgreSQL'
  const directory = parsed.searchParams.get('host')
  return directory === null
    ? `postgres://${parsed.host}${parsed.pathname}`
    : `postgres://${parsed.pathname}?host=${directory}`
}
