interface DocumentsTable {
  readonly collection: string
  readonly key: string
  /** JSON text. */
  readonly value: string
  readonly version: number
  /** Milliseconds since 1970. */
  readonly updated: number
}

export interface DocumentTables {
  readonly documents: DocumentsTable
  /** One row: the last version given out. Whoever writes a document holds it locked until the commit. */
  readonly document_head: { readonly version: number }
}
