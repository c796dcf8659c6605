import { integer, oneOf, shown } from '../check-options.ts'
import { type Issue, invalid } from '../errors.ts'
import { copyJsonValue, type JsonValue } from '../event/json.ts'
import type { Changes, StateChanges } from './contract/commit.ts'
import type { DocumentQuery } from './contract/documents.ts'

/** The limits of documents and keyed state, the same in every adapter. */
export const STORAGE_LIMITS = {
  /** The maximum size of a document's value or a key's state, as JSON text in UTF-8. */
  valueBytes: 262_144,
  /** The maximum length of a document's key or a state's key, in characters. */
  keyLength: 256,
  collectionLength: 64,
  documentsPerPage: 1_000,
  /** The maximum number of keys in one read of keyed state. */
  keysPerRead: 1_000,
} as const

/** A copy of a value that no other code can change. */
export interface CheckedValue {
  readonly value: JsonValue
  readonly json: string
  /** The size of `json` in UTF-8. */
  readonly bytes: number
}

/** @throws EventsError EVENTS_INVALID for a collection or key that no document can have */
export function checkDocumentName(collection: string, key: string): void {
  refuse('document', [
    ...nameIssues('collection', collection, 1, STORAGE_LIMITS.collectionLength),
    ...nameIssues('key', key, 1, STORAGE_LIMITS.keyLength),
  ])
}

/** @throws EventsError EVENTS_INVALID for a collection, prefix or key that no document can have, or an invalid limit */
export function checkDocumentQuery(collection: string, query: DocumentQuery): void {
  const { prefix, after, order, limit } = query
  const problem = integer(1, STORAGE_LIMITS.documentsPerPage)(limit)
  const unordered = order === undefined ? undefined : oneOf('asc', 'desc')(order)
  refuse('documents', [
    ...nameIssues('collection', collection, 1, STORAGE_LIMITS.collectionLength),
    ...nameIssues('prefix', prefix ?? '', 0, STORAGE_LIMITS.keyLength),
    ...nameIssues('after', after ?? '', 0, STORAGE_LIMITS.keyLength),
    ...(problem === undefined ? [] : [{ path: 'limit', message: problem }]),
    ...(unordered === undefined ? [] : [{ path: 'order', message: unordered }]),
  ])
}

/**
 * Copies a document's value, so that later changes to it do not reach the store.
 * @throws EventsError EVENTS_INVALID if it is not JSON, or more than 256 KiB of JSON text
 */
export function checkDocumentValue(value: JsonValue): CheckedValue {
  const issues: Issue[] = []
  const copy = copyJsonValue(value, 'value', issues) ?? null
  refuse('document', issues)
  const json = JSON.stringify(copy)
  const bytes = Buffer.byteLength(json)
  refuse('document', bytesIssues('value', bytes))
  return { value: copy, json, bytes }
}

/** @throws EventsError EVENTS_INVALID for more keys than one read may have, or for a key that no state can have */
export function checkStateKeys(keys: readonly string[]): void {
  const problem = integer(0, STORAGE_LIMITS.keysPerRead)(keys.length)
  refuse('state', problem === undefined ? [] : [{ path: 'keys.length', message: problem }])
  refuse(
    'state',
    keys.flatMap((key, index) => stateKeyIssues(`keys.${index}`, key)),
  )
}

/**
 * Checks the names of a commit's documents, and its state. `checkDocumentValue` checks the values of documents.
 * @throws EventsError EVENTS_INVALID for anything that the store cannot keep
 */
export function checkChanges({ documents = [], state }: Changes): void {
  for (const { collection, key } of documents) checkDocumentName(collection, key)
  if (state !== undefined) checkState(state)
}

function checkState(changes: StateChanges): void {
  for (const { key, value } of changes.put) {
    refuse('state', [
      ...stateKeyIssues('key', key),
      ...bytesIssues('value', value === null ? 0 : Buffer.byteLength(value)),
    ])
  }
  for (const key of changes.delete) refuse('state', stateKeyIssues('key', key))
}

/** A state's key may be empty, since it comes from events. */
function stateKeyIssues(path: string, key: string): Issue[] {
  return nameIssues(path, key, 0, STORAGE_LIMITS.keyLength)
}

/** Databases store text as UTF-8, which cannot encode half of a surrogate pair; PostgreSQL's text cannot contain NUL. */
function nameIssues(path: string, name: string, min: number, max: number): Issue[] {
  const isText = typeof name === 'string' && name.isWellFormed() && !name.includes('\0')
  if (isText && name.length >= min && name.length <= max) return []
  const rule = `must be a string of ${min} to ${max} characters, without U+0000`
  return [{ path, message: `${rule}, not ${shown(name)}` }]
}

function bytesIssues(path: string, bytes: number): Issue[] {
  const { valueBytes } = STORAGE_LIMITS
  if (bytes <= valueBytes) return []
  return [{ path, message: `must be at most ${valueBytes} bytes of JSON text, not ${bytes}` }]
}

function refuse(subject: string, issues: readonly Issue[]): void {
  const [first, ...others] = issues
  if (first !== undefined) throw invalid(subject, [first, ...others])
}
