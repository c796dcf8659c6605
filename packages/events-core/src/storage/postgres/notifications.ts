const DOCUMENTS = 'documents'

/**
 * Returns the payload of a notification that documents of a collection were written. That of an append is only the origin.
 */
export function documentsChanged(origin: string, collection: string): string {
  return `${DOCUMENTS} ${origin} ${collection}`
}

/**
 * A parsed notification. A store of an older version treats a notification about documents as one about an append, which
 * does no harm.
 */
export interface News {
  readonly origin: string
  /** Absent if events were appended. */
  readonly collection?: string
}

export function newsOf(payload: string): News {
  const [kind, origin, collection] = /^(\S+) (\S+) (.*)$/s.exec(payload)?.slice(1) ?? []
  if (kind !== DOCUMENTS || origin === undefined || collection === undefined) return { origin: payload }
  return { origin, collection }
}
