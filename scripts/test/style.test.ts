import { describe, expect, test } from 'vitest'
import { judge } from '../style/judge.ts'
import { measure } from '../style/measure.ts'

function violations(...sources: string[]): readonly string[] {
  return judge(sources.map((text, index) => measure(`${index}.ts`, text))).violations
}

/** Enough lines beside a cast to keep its share within the limit. */
const FILLER = '// filler\n'.repeat(299)

function functionOf(lines: number): string {
  return `function long() {\n${'  work()\n'.repeat(lines - 2)}}\n`
}

test('code within all limits passes', () => {
  const source = `${FILLER.slice(0, 1_000)}\nexport const sum = (a: number, b: number) => a + b\n`
  expect(violations(source)).toEqual([])
})

describe('functions', () => {
  test.each([
    ['a declaration', 'function long() {\n', '}\n'],
    ['a method', 'class A {\n  long() {\n', '  }\n}\n'],
    ['a constructor', 'class A {\n  constructor() {\n', '  }\n}\n'],
    ['a getter', 'class A {\n  get long() {\n', '  }\n}\n'],
    ['an arrow function', 'const long =\n  () => {\n', '  }\n'],
    ['a function expression', 'const long =\n  function () {\n', '  }\n'],
  ])('count as such: %s', (_, before, after) => {
    const found = violations(`${before}${'    work()\n'.repeat(60)}${after}`)
    expect(found).toContain('median function: 62, limit 10')
  })

  test('count the lines of functions within them', () => {
    const outer = `function outer() {\n${functionOf(29)}  work()\n}\n`
    expect(violations(functionOf(3).repeat(7), outer)).toEqual(['90 % of functions: 32, limit 30'])
  })

  test('have separate limits for the median and the ninetieth percentile', () => {
    expect(violations(functionOf(11))).toContain('median function: 11, limit 10')
    expect(violations(functionOf(3).repeat(8), functionOf(31), functionOf(31))).toEqual([
      '90 % of functions: 31, limit 30',
    ])
  })
})

describe('casts', () => {
  test.each([
    ['as', 'const a = b as string\n'],
    ['an angle bracket', 'const a = <string>b\n'],
    ['!', 'const a = b!\n'],
    ['a definite assignment', 'let a!: string\n'],
  ])('need a comment: %s', (_, code) => {
    expect(violations(FILLER, FILLER, code)).toEqual([
      expect.stringMatching(/^2\.ts:1 casts without a comment/),
    ])
    expect(violations(FILLER, FILLER, `// because\n${code}`)).toEqual([])
    expect(violations(FILLER, FILLER, code.replace('\n', ' // because\n'))).toEqual([])
    expect(violations(FILLER, FILLER, `// because\n\n${code}`)).not.toEqual([])
  })

  test('do not include `as const` and `satisfies`', () => {
    expect(violations('const a = [1] as const\nconst b = 2 satisfies number\n')).toEqual([])
  })

  test('number at most two per thousand lines', () => {
    const cast = 'const a = b as string // because\n'
    expect(violations(FILLER, FILLER, FILLER, cast)).toEqual([])
    expect(violations(FILLER, FILLER, FILLER, cast + cast)).toEqual(['casts per 1,000 lines: 2.22, limit 2'])
  })

  test('include comments that switch the compiler off', () => {
    expect(violations('// @ts-expect-error\nconst a: string = 1\n')).toEqual([
      expect.stringContaining('casts per 1,000 lines'),
    ])
  })

  test('are not explained by text that only looks like a comment', () => {
    const code = "const url = 'http://host'\nconst a = b as string\n"
    expect(violations(FILLER, FILLER, code)).toEqual([
      expect.stringMatching(/^2\.ts:2 casts without a comment/),
    ])
  })
})
