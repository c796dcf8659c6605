import { KindGuard, type Static, type TObject, type TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler, ValueErrorType } from '@sinclair/typebox/compiler'
import type { Issue } from '@viewra/events-core'
import type { FastifySchemaCompiler } from 'fastify'
import { invalidRequest } from '../problem.ts'
import { readQuery } from './query-string.ts'
import { ruleOf, shown } from './rule.ts'

/** More violations than this repeat the same mistake. */
const MAX_ISSUES = 50

/**
 * Checks requests against their TypeBox schemas and changes nothing, where Fastify's own validator turns
 * `"5"` into 5 and drops fields that it does not know. Only a query string, which is all text, is read by its schema.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = TypeCompiler.Compile(schema)
  if (httpPart === 'body') return (body: unknown) => verdict(body, bodyIssuesOf(body, check, schema))
  if (httpPart !== 'querystring') return (value: unknown) => verdict(value, issuesOf(value, check))
  if (!KindGuard.IsObject(schema)) throw new TypeError('a query string needs an object schema')
  return (raw: unknown) => queryVerdict(schema, check, raw)
}

/** The result of a check: the typed value, or the violations. */
type Checked<T> = { readonly value: T } | { readonly issues: readonly [Issue, ...Issue[]] }

/** Checks values that no route's schema covers, such as each item of a stream. */
export function checkerOf<S extends TSchema>(schema: S): (value: unknown) => Checked<Static<S>> {
  const check = TypeCompiler.Compile(schema)
  return (value) => {
    if (check.Check(value)) return { value }
    const [first = { path: '', message: `must be ${ruleOf(schema)}` }, ...others] = onePerPath(
      issuesOf(value, check),
    )
    return { issues: [first, ...others] }
  }
}

type Verdict = { readonly value: unknown } | { readonly error: Error }

function queryVerdict(schema: TObject, check: TypeCheck<TSchema>, raw: unknown): Verdict {
  const { query, issues } = readQuery(schema, raw)
  // Which item of a list it was, the message says by its value.
  const wrong = issuesOf(query, check)
  if (wrong.length === 0) return verdict(query, issues)
  const found = wrong.map(({ path, message }) => ({
    path: path.split('.', 1).join(),
    message,
  }))
  return verdict(query, [...issues, ...found])
}

function verdict(value: unknown, issues: readonly Issue[]): Verdict {
  if (issues.length === 0) return { value }
  const [first, ...others] = onePerPath(issues)
  return first === undefined ? { value } : { error: invalidRequest([first, ...others]) }
}

/** TypeBox says of what is missing also that it has the wrong type. */
function onePerPath(issues: readonly Issue[]): readonly Issue[] {
  const byPath = new Map(issues.toReversed().map((issue) => [issue.path, issue]))
  return issues.filter((issue) => byPath.get(issue.path) === issue)
}

/** Returns the violations of a value by its schema. */
function issuesOf(value: unknown, check: TypeCheck<TSchema>): Issue[] {
  if (check.Check(value)) return []
  const issues: Issue[] = []
  for (const error of check.Errors(value)) {
    issues.push({ path: pathOf(error.path), message: messageOf(error.type, error.schema, error.value) })
    if (issues.length === MAX_ISSUES) break
  }
  return issues
}

/** An empty body reads as null: whoever sent none is helped little by hearing of a null alone. */
function bodyIssuesOf(body: unknown, check: TypeCheck<TSchema>, schema: TSchema): Issue[] {
  if (body !== null || check.Check(body)) return issuesOf(body, check)
  return [{ path: '', message: `must be ${ruleOf(schema)}, not null or an empty body` }]
}

/** A JSON pointer as a dotted path. */
function pathOf(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
}

function messageOf(type: ValueErrorType, schema: TSchema, value: unknown): string {
  if (type === ValueErrorType.ObjectAdditionalProperties) return 'is not a field here'
  if (type === ValueErrorType.ObjectRequiredProperty) return `is missing: it must be ${ruleOf(schema)}`
  return `must be ${ruleOf(schema)}, not ${shown(value)}`
}
