import spectral, { type RulesetDefinition } from '@stoplight/spectral-core'
import rulesets from '@stoplight/spectral-rulesets'

/**
 * Checks a description against all of Spectral's rules for its kind.
 * @param off rules that the description need not keep
 */
export async function lint(
  kind: 'oas' | 'asyncapi',
  document: unknown,
  off: readonly string[],
): Promise<readonly string[]> {
  const linter = new spectral.Spectral()
  linter.setRuleset({
    // The type wants either rules or rulesets to extend of every ruleset, and these have rules.
    extends: [[rulesets[kind] as RulesetDefinition, 'all']],
    rules: Object.fromEntries(off.map((rule) => [rule, 'off'])),
  })
  const found = await linter.run(JSON.stringify(document))
  return found.map(({ code, message, path }) => `${code}: ${message} ${path.join('.')}`)
}
