import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { shown } from '../request/rule.ts'
import type { Principal } from './principal.ts'

const Texts = Type.Array(Type.String({ minLength: 1 }))

const Tokens = Type.Array(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 128 }),
      role: Type.Union([Type.Literal('viewer'), Type.Literal('publisher'), Type.Literal('admin')]),
      hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      sources: Type.Optional(Texts),
      types: Type.Optional(Texts),
    },
    { additionalProperties: false },
  ),
)

/** As the host app makes it: it may know more of its users. */
const PrincipalSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  role: Type.Union([Type.Literal('viewer'), Type.Literal('publisher'), Type.Literal('admin')]),
  sources: Type.Optional(Texts),
  types: Type.Optional(Texts),
})

const RateLimit = Type.Object(
  { requests: Type.Integer({ minimum: 1 }), windowMs: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
)

/** What is wrong with a list of tokens, in words that follow its name; undefined when nothing is. */
export function problemOfTokens(value: unknown): string | undefined {
  const [error] = Value.Errors(Tokens, value)
  if (error !== undefined)
    return `must be a list of { name, role, hash, sources?, types? }; ${error.path || 'it'}: ${error.message.toLowerCase()}`
  if (!Value.Check(Tokens, value)) return undefined
  const names = value.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  return twice === undefined ? undefined : `must not have two of the name '${twice}'`
}

/** Without the value, which ends up in logs. */
export function cookieSecretRule(value: unknown): string | undefined {
  return typeof value === 'string' && value.length >= 32
    ? undefined
    : 'must be a text of at least 32 characters'
}

/** @throws TypeError for what cannot be a principal: who has no name would leave none in records and limits */
export function assertPrincipal(value: unknown): asserts value is Principal {
  const [error] = Value.Errors(PrincipalSchema, value)
  if (error === undefined) return
  const where = error.path || 'it'
  throw new TypeError(
    `authorize must return { name, role, sources?, types? } or undefined; ${where}: ${error.message.toLowerCase()}`,
  )
}

export function originsRule(value: unknown): string | undefined {
  const isList = Value.Check(Texts, value)
  const wrong = isList ? value.find((origin) => URL.parse(origin)?.origin !== origin) : value
  if (isList && wrong === undefined) return undefined
  return `must be a list of origins such as https://media.example, not ${shown(wrong)}`
}

export function rateLimitRule(value: unknown): string | undefined {
  return Value.Check(RateLimit, value)
    ? undefined
    : 'must be { requests, windowMs }, two integers of at least 1'
}
