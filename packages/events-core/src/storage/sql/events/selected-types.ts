import { type Expression, expressionBuilder, type SqlBool } from 'kysely'
import type { TrimPolicy } from '../../contract/storage.ts'
import type { TypeSelection } from '../../kept-from.ts'
import { compileTrimmedTypes } from '../../trim-policy.ts'
import type { LogTables } from '../schema.ts'
import { conditionsOf } from '../search/conditions.ts'
import { anyOf } from '../search/predicate.ts'
import type { SqlDialect, SqlLog } from '../sql-log.ts'

const eb = expressionBuilder<LogTables, 'events'>()

/** With more types than this, examining every event is cheaper than looking up those of each type. */
const MAX_FEW = 100

/** The types that a policy trims. */
export interface SelectedTypes {
  readonly selection: TypeSelection
  /** True if the policy trims every type. */
  readonly isAll: boolean
  /** The stored types among them; undefined if they are all types or too many. */
  readonly few: readonly string[] | undefined
  /** Tests whether an event, or a row of the counts by type, has one of these types. */
  readonly predicate: Expression<SqlBool>
}

/** Returns undefined if no stored event has one of the types. */
export async function selectTypes(
  { dialect, snapshot }: SqlLog,
  policy: TrimPolicy,
): Promise<SelectedTypes | undefined> {
  const { types, exceptTypes } = policy
  const selection = { types, exceptTypes }
  if (types === undefined && exceptTypes === undefined)
    return { selection, isAll: true, few: undefined, predicate: eb.lit(true) }
  const isTrimmed = compileTrimmedTypes(policy)
  const rows = await snapshot((db) => db.selectFrom('type_counts').select('type').distinct().execute())
  const known = rows.map((row) => row.type).filter(isTrimmed)
  if (known.length === 0) return undefined
  return known.length <= MAX_FEW
    ? { selection, isAll: false, few: known, predicate: dialect.isOneOf('type', known) }
    : { selection, isAll: false, few: undefined, predicate: patternsOf(selection, dialect) }
}

function patternsOf({ types, exceptTypes }: TypeSelection, dialect: SqlDialect): Expression<SqlBool> {
  const selected = conditionsOf({ ...(types && { types }) }).types
  const excepted = conditionsOf({ ...(exceptTypes && { types: exceptTypes }) }).types
  return eb.and([
    ...(selected ? [anyOf('type', selected, dialect)] : []),
    ...(excepted ? [eb.not(anyOf('type', excepted, dialect))] : []),
  ])
}
