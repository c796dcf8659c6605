import type { Extensions, Issue } from '@viewra/events-core'

const PARAMETER = /^ext(?:\.([^.[\]]*)|\[([^.[\]]*)\])$/

/** The extensions that an event must have, and what was wrong with the parameters. */
interface ExtensionReading {
  readonly value: Extensions
  readonly issues: readonly Issue[]
}

/**
 * Reads `ext.a=5&ext[b]=x` as `{ a: '5', b: 'x' }`: an event must have all of them. Values stay strings, which select whatever
 * CloudEvents writes like them. What names may be is for the filter's check to say.
 */
export function readExtensionParameters(
  parameters: readonly (readonly [string, string])[],
): ExtensionReading {
  const found = new Map<string, { readonly text: string; readonly parameter: string }>()
  const issues: Issue[] = []
  for (const [parameter, text] of parameters) {
    const [, dotted, bracketed] = PARAMETER.exec(parameter) ?? []
    const name = dotted ?? bracketed
    const known = name === undefined ? undefined : found.get(name)
    if (name === undefined)
      issues.push({
        path: parameter,
        message: 'must be ext.<name> or ext[<name>], with the name of an extension',
      })
    else if (known !== undefined)
      issues.push({ path: parameter, message: `must be given once, not as ${known.parameter} too` })
    else found.set(name, { text, parameter })
  }
  // Not by assignment, which would set the prototype if one were called __proto__.
  return { value: Object.fromEntries(Array.from(found, ([name, { text }]) => [name, text])), issues }
}
