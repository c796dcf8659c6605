import { checkOptions, integer, type OptionRule } from '../check-options.ts'
import { compileTypes } from '../filter/filter.ts'
import { validateFilter } from '../filter/validate.ts'
import type { TrimPolicy } from './contract/storage.ts'

/** `validateFilter` checks the patterns themselves. */
const isArray: OptionRule = (value) =>
  Array.isArray(value) ? undefined : 'must be an array of type patterns'

const RULES: Readonly<Record<keyof TrimPolicy, OptionRule>> = {
  maxAgeMs: integer(0),
  maxEvents: integer(0),
  upTo: integer(0),
  types: isArray,
  exceptTypes: isArray,
}

/** @throws EventsError EVENTS_INVALID for an unknown condition or an invalid value: trimming too much cannot be undone */
export function checkTrimPolicy(policy: TrimPolicy): void {
  checkOptions('trim', policy, RULES)
  for (const types of [policy.types, policy.exceptTypes]) validateFilter({ types })
}

/** Returns whether a policy selects events of a type. */
export function compileTrimmedTypes({ types, exceptTypes }: TrimPolicy): (type: string) => boolean {
  const isTrimmed = compileTypes(types)
  const isExcepted = compileTypes(exceptTypes ?? [])
  return (type) => isTrimmed(type) && !isExcepted(type)
}
