import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { VARIABLES } from '../src/config.ts'
import { helpText, markdownTable } from '../src/config-reference.ts'

const configuration = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

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

test('docs/configuration.md is up to date; else run `npm run docs:configuration`', () => {
  expect(configuration).toContain(`\n\n${markdownTable()}\n\n`)
})
