import { invalidRequest } from '../../http/problem.ts'
import { parseJson } from '../../http/request/body.ts'
import { removeNullFields } from '../../http/request/null-fields.ts'
import { shown } from '../../http/request/rule.ts'
import { checkerOf } from '../../http/request/validation.ts'
import { CLIENT_MESSAGES, type ClientMessage } from './messages.ts'

const CHECKS = new Map(Object.entries(CLIENT_MESSAGES).map(([type, { schema }]) => [type, checkerOf(schema)]))
const TYPES = [...CHECKS.keys()].join(', ')

/** A message that cannot be acted on, with its id as far as it has one. */
export class RefusedMessage extends Error {
  override readonly name = 'RefusedMessage'
  readonly id: string | undefined

  constructor(cause: unknown, id: string | undefined) {
    super('a message was refused', { cause })
    this.id = id
  }
}

/** @throws RefusedMessage whose cause names what is wrong */
export function readMessage(text: Buffer): ClientMessage {
  let id: string | undefined
  try {
    const value = parseJson(text, '')
    id = idOf(value)
    return checked(value)
  } catch (error) {
    throw new RefusedMessage(error, id)
  }
}

function checked(value: unknown): ClientMessage {
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
  const check = typeof type === 'string' ? CHECKS.get(type) : undefined
  if (check === undefined)
    throw invalidRequest([{ path: 'type', message: `must be one of ${TYPES}, not ${shown(type)}` }])
  if (type === 'publish') removeNullFields(Reflect.get(Object(value), 'event'))
  const found = check(value)
  if ('issues' in found) throw invalidRequest(found.issues)
  // It passed the check of its type.
  return value as ClientMessage
}

function idOf(value: unknown): string | undefined {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined
  return typeof id === 'string' ? id.slice(0, MAX_ECHO) : undefined
}

/** An id that is too long is told back only in part. */
const MAX_ECHO = 64
