const DOCUMENTS = 'documents'

/** What a store tells others when it wrote documents of a collection. An append tells just its origin. */
export function documentsChanged(origin: string, collection: string): string {
  return `${DOCUMENTS} ${origin} ${collection}`
}

/** What somebody told. A store of an older version takes news of documents for that of an append, which does no harm. */
export interface News {
  readonly origin: string
  /** Absent when events were appended. */
  readonly collection?: string
}

export function newsOf(payload: string): News {
  const [kind, origin, collection] = /^(\S+) (\S+) (.*)$/s.exec(payload)?.slice(1) ?? []
  if (kind !== DOCUMENTS || origin === undefined || collection === undefined) return { origin: payload }
  return { origin, collection }
}
