import type { JsonValue } from '../../event/json.ts'

/** A small JSON document, for what features keep: types, policies, jobs, rules. */
export interface StoredDocument {
  readonly key: string
  readonly value: JsonValue
  /** Grows with each write of any document of the store; never given out twice. */
  readonly version: number
  /** RFC 3339 time of the last write. */
  readonly updated: string
}

/** The version that a write expects to find; 'absent' when there must be no document. Without one it does not matter. */
export type ExpectedVersion = number | 'absent'

export interface DocumentQuery {
  /** Only keys that begin with it. */
  readonly prefix?: string
  /** The key of the last document of the page before. */
  readonly after?: string
  /** By key, code point by code point; 'asc' by default. */
  readonly order?: 'asc' | 'desc'
  /** 1 to 1,000. A page also ends with the document that brings it to 8 MiB. */
  readonly limit: number
}

export interface DocumentPage {
  readonly documents: readonly StoredDocument[]
  /** `after` of the next page; absent on the last one. */
  readonly next?: string
}

/** What became of a write. `current` is the version that was found instead of the expected one. */
export type DocumentAnswer =
  | { readonly written: true; readonly version: number }
  | { readonly written: false; readonly current: ExpectedVersion }

/**
 * Small versioned JSON documents. No queries by field: it is not a second database. All methods refuse names that no
 * document can have with EVENTS_INVALID.
 */
export interface DocumentStore {
  get(collection: string, key: string): Promise<StoredDocument | undefined>
  list(collection: string, query: DocumentQuery): Promise<DocumentPage>
  /**
   * Stores a copy of the value, in which properties that are undefined count as absent.
   * @throws EventsError EVENTS_INVALID for what is beyond the limits: 256 KiB of JSON text (UTF-8) for a value, 1 to 256
   *   characters for a key, 1 to 64 for a collection; and for names with U+0000 or half of a surrogate pair in them
   */
  put(
    collection: string,
    key: string,
    value: JsonValue,
    options?: { readonly expected?: ExpectedVersion },
  ): Promise<DocumentAnswer>
  /**
   * Deletes the document, and gives the deletion a version of its own. One that is not there counts as written unless a
   * version was expected.
   */
  delete(
    collection: string,
    key: string,
    options?: { readonly expected?: ExpectedVersion },
  ): Promise<DocumentAnswer>
  /**
   * Calls `wake` shortly after a document of the collection was written, by whichever process. Returns a function that
   * stops watching. Only a hint: it may come late, without cause, or not at all, so callers must also poll.
   */
  watch(collection: string, wake: () => void): () => void
}
