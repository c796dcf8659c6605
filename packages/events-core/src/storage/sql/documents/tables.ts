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
  /** A single row with the last version assigned. Each write of a document locks it until the commit. */
  readonly document_head: { readonly version: number }
}
