import type { JsonValue } from '../../../event/json.ts'
import type {
  DocumentAnswer,
  DocumentPage,
  DocumentQuery,
  DocumentStore,
  ExpectedVersion,
  StoredDocument,
} from '../../contract/documents.ts'
import { checkDocumentName, checkDocumentQuery, checkDocumentValue } from '../../limits.ts'
import type { Calls } from '../calls.ts'
import type { Watchers } from '../watchers.ts'
import type { DocumentWrite } from './documents.ts'

/** Checks documents before they are stored. */
export class SqlDocuments implements DocumentStore {
  readonly #calls: Calls['documents']
  readonly #watchers: Watchers

  constructor(calls: Calls['documents'], watchers: Watchers) {
    this.#calls = calls
    this.#watchers = watchers
  }

  async get(collection: string, key: string): Promise<StoredDocument | undefined> {
    checkDocumentName(collection, key)
    return await this.#calls.get(collection, key)
  }

  async list(collection: string, query: DocumentQuery): Promise<DocumentPage> {
    checkDocumentQuery(collection, query)
    return await this.#calls.list(collection, query)
  }

  async put(
    collection: string,
    key: string,
    value: JsonValue,
    { expected }: { readonly expected?: ExpectedVersion } = {},
  ): Promise<DocumentAnswer> {
    checkDocumentName(collection, key)
    return await this.#write({ collection, key, json: checkDocumentValue(value).json, expected })
  }

  async delete(
    collection: string,
    key: string,
    { expected }: { readonly expected?: ExpectedVersion } = {},
  ): Promise<DocumentAnswer> {
    checkDocumentName(collection, key)
    return await this.#write({ collection, key, json: undefined, expected })
  }

  watch(collection: string, wake: () => void): () => void {
    return this.#watchers.add(collection, wake)
  }

  async #write(write: DocumentWrite): Promise<DocumentAnswer> {
    const answer = await this.#calls.write(write)
    // The channel reports only writes of other processes.
    if (answer.written) this.#watchers.wake(write.collection)
    return answer
  }
}
