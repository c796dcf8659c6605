import type { JsonValue } from '../../event/json.ts'

/** A small JSON document in which a feature keeps its types, policies, jobs or rules. */
export interface StoredDocument {
  readonly key: string
  readonly value: JsonValue
  /** Increases with each write of any document of the store; never assigned twice. */
  readonly version: number
  /** The RFC 3339 time of the last write. */
  readonly updated: string
}

/** The version that a write expects to find; 'absent' if there must be no document. A write without it matches any. */
export type ExpectedVersion = number | 'absent'

export interface DocumentQuery {
  /** Selects only keys that begin with it. */
  readonly prefix?: string
  /** The key of the previous page's last document. */
  readonly after?: string
  /** The order of the keys, compared by code point; 'asc' by default. */
  readonly order?: 'asc' | 'desc'
  /** 1 to 1,000. A page ends early with the document that brings it to 8 MiB. */
  readonly limit: number
}

export interface DocumentPage {
  readonly documents: readonly StoredDocument[]
  /** `after` of the next page; absent on the last one. */
  readonly next?: string
}

/** The outcome of a write. `current` is the version that was found instead of the expected one. */
export type DocumentAnswer =
  | { readonly written: true; readonly version: number }
  | { readonly written: false; readonly current: ExpectedVersion }

/**
 * Stores small versioned JSON documents. There are no queries by field: it is not a second database. All methods reject
 * names that no document can have with EVENTS_INVALID.
 */
export interface DocumentStore {
  get(collection: string, key: string): Promise<StoredDocument | undefined>
  list(collection: string, query: DocumentQuery): Promise<DocumentPage>
  /**
   * Stores a copy of the value. Undefined properties count as absent.
   * @throws EventsError EVENTS_INVALID beyond the limits: 256 KiB of JSON text (UTF-8) for a value, 1 to 256 characters for
   *   a key, 1 to 64 for a collection; and for names that contain U+0000 or half of a surrogate pair
   */
  put(
    collection: string,
    key: string,
    value: JsonValue,
    options?: { readonly expected?: ExpectedVersion },
  ): Promise<DocumentAnswer>
  /**
   * Deletes the document, and gives the deletion a version of its own. Deleting a document that does not exist succeeds
   * unless a version is expected.
   */
  delete(
    collection: string,
    key: string,
    options?: { readonly expected?: ExpectedVersion },
  ): Promise<DocumentAnswer>
  /**
   * Calls `wake` shortly after any process writes a document of the collection. Returns a function that stops watching.
   * Only a hint: it may come late, without cause, or not at all, so callers must also poll.
   */
  watch(collection: string, wake: () => void): () => void
}
