import { expect, test } from 'vitest'
import { VARIABLES } from '../src/config.ts'
import { helpText } from '../src/config-reference.ts'

test.each(Object.entries(VARIABLES.properties))('--help has %s with its default', (name, schema) => {
  expect(helpText()).toContain(`  ${name}\n`)
  expect(helpText()).toContain(`Default: ${schema.default ?? 'none'}`)
})

test('no line of --help is longer than a terminal is wide', () => {
  expect(
    helpText()
      .split('\n')
      .filter((line) => line.length > 80),
  ).toEqual([])
})
