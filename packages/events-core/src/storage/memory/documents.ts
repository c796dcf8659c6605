import type { JsonValue } from '../../event/json.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import { compareCodePoints } from '../code-points.ts'
import type { DocumentChange } from '../contract/commit.ts'
import type {
  DocumentAnswer,
  DocumentPage,
  DocumentQuery,
  DocumentStore,
  ExpectedVersion,
  StoredDocument,
} from '../contract/documents.ts'
import { type CheckedValue, checkDocumentName, checkDocumentQuery, checkDocumentValue } from '../limits.ts'
import { PageRoom } from '../page-room.ts'
import { Watchers } from './watchers.ts'

interface Entry {
  readonly document: StoredDocument
  readonly bytes: number
}

/** A checked write that can no longer fail. An undefined value deletes the document. */
interface Write {
  readonly collection: string
  readonly key: string
  readonly value: CheckedValue | undefined
}

export interface MemoryDocumentsOptions {
  readonly now: () => number
  /** Throws while the store is not open. */
  readonly mustBeOpen: () => void
}

export class MemoryDocuments implements DocumentStore {
  readonly #options: MemoryDocumentsOptions
  readonly #collections = new Map<string, Map<string, Entry>>()
  readonly #watchers = new Watchers()
  #version = 0

  constructor(options: MemoryDocumentsOptions) {
    this.#options = options
  }

  async get(collection: string, key: string): Promise<StoredDocument | undefined> {
    this.#options.mustBeOpen()
    checkDocumentName(collection, key)
    return this.#collections.get(collection)?.get(key)?.document
  }

  async list(collection: string, query: DocumentQuery): Promise<DocumentPage> {
    this.#options.mustBeOpen()
    checkDocumentQuery(collection, query)
    const { prefix = '', after, order = 'asc', limit } = query
    const compare = (a: string, b: string) =>
      order === 'asc' ? compareCodePoints(a, b) : compareCodePoints(b, a)
    const entries = [...(this.#collections.get(collection)?.values() ?? [])]
      .filter(({ document: { key } }) => key.startsWith(prefix))
      .filter(({ document: { key } }) => after === undefined || compare(key, after) > 0)
      .sort((a, b) => compare(a.document.key, b.document.key))
    const room = new PageRoom(limit)
    const page = entries.filter(({ bytes }) => room.take(bytes))
    const last = page.at(-1)
    return {
      documents: page.map(({ document }) => document),
      ...(last !== undefined && last !== entries.at(-1) && { next: last.document.key }),
    }
  }

  async put(
    collection: string,
    key: string,
    value: JsonValue,
    { expected }: { readonly expected?: ExpectedVersion } = {},
  ): Promise<DocumentAnswer> {
    this.#options.mustBeOpen()
    checkDocumentName(collection, key)
    return this.#write({ collection, key, value: checkDocumentValue(value) }, expected)
  }

  async delete(
    collection: string,
    key: string,
    { expected }: { readonly expected?: ExpectedVersion } = {},
  ): Promise<DocumentAnswer> {
    this.#options.mustBeOpen()
    checkDocumentName(collection, key)
    return this.#write({ collection, key, value: undefined }, expected)
  }

  watch(collection: string, wake: () => void): () => void {
    this.#options.mustBeOpen()
    return this.#watchers.add(collection, wake)
  }

  /**
   * Checks a commit's changes as if each followed the previous one. Returns writes for `apply`; undefined if a change does
   * not find the version that it expects.
   * @throws EventsError EVENTS_INVALID for a value that cannot be stored
   */
  prepare(changes: readonly DocumentChange[]): readonly Write[] | undefined {
    const changed = new Map<string, 'absent' | 'new'>()
    const writes: Write[] = []
    for (const { collection, key, value, expected } of changes) {
      const name = JSON.stringify([collection, key])
      const current = changed.get(name) ?? this.#current(collection, key)
      if (expected !== undefined && expected !== current) return undefined
      changed.set(name, value === undefined ? 'absent' : 'new')
      writes.push({ collection, key, value: value === undefined ? undefined : checkDocumentValue(value) })
    }
    return writes
  }

  apply(writes: readonly Write[]): void {
    for (const write of writes) this.#store(write)
  }

  /** Removes all watchers. */
  close(): void {
    this.#watchers.clear()
  }

  #current(collection: string, key: string): ExpectedVersion {
    return this.#collections.get(collection)?.get(key)?.document.version ?? 'absent'
  }

  #write(write: Write, expected: ExpectedVersion | undefined): DocumentAnswer {
    const current = this.#current(write.collection, write.key)
    if (expected !== undefined && expected !== current) return { written: false, current }
    return { written: true, version: this.#store(write) }
  }

  #store({ collection, key, value }: Write): number {
    const version = ++this.#version
    const documents = this.#collections.get(collection) ?? new Map<string, Entry>()
    if (value === undefined) documents.delete(key)
    else {
      const updated = formatTimestamp(this.#options.now())
      const document = Object.freeze({ key, value: value.value, version, updated })
      documents.set(key, { document, bytes: value.bytes })
    }
    if (documents.size === 0) this.#collections.delete(collection)
    else this.#collections.set(collection, documents)
    this.#watchers.wake(collection)
    return version
  }
}
