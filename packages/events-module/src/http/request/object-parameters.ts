import type { Issue } from '@viewra/events-core'
import { readDataParameters } from './data-parameters.ts'
import { readExtensionParameters } from './extension-parameters.ts'

/** Parameters with their values, as they were sent. */
type Members = readonly (readonly [string, string])[]

interface Reading {
  readonly value: object
  readonly issues: readonly Issue[]
}

/** The parameters that are objects: `data.a=5&data[b]=6` for `data`. */
const READERS: ReadonlyMap<string, (members: Members) => Reading> = new Map([
  ['data', readDataParameters],
  ['ext', readExtensionParameters],
])

/** Returns the object that a parameter is a member of: `data` for `data.a` and for `data[a]`. */
export function objectOf(name: string): string | undefined {
  const [object, ...rest] = name.split(/[.[]/, 2)
  return object !== undefined && rest.length > 0 && READERS.has(object) ? object : undefined
}

/** Returns the objects that have members among the parameters, by their names, and what was wrong with those. */
export function readObjectParameters(members: Members): {
  readonly value: Readonly<Record<string, object>>
  readonly issues: readonly Issue[]
} {
  const value: Record<string, object> = {}
  const issues: Issue[] = []
  for (const [object, read] of READERS) {
    const own = members.filter(([name]) => objectOf(name) === object)
    if (own.length === 0) continue
    const reading = read(own)
    value[object] = reading.value
    issues.push(...reading.issues)
  }
  return { value, issues }
}
