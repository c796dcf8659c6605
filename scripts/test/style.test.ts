import { describe, expect, test } from 'vitest'
import { judge } from '../style/judge.ts'
import { measure } from '../style/measure.ts'

function violations(...sources: string[]): readonly string[] {
  return judge(sources.map((text, index) => measure(`${index}.ts`, text))).violations
}

/** Enough lines beside a cast that its share stays within the limit. */
const FILLER = '// filler\n'.repeat(299)

function functionOf(lines: number): string {
  return `function long() {\n${'  work()\n'.repeat(lines - 2)}}\n`
}

test('code within all limits passes', () => {
  const source = `${FILLER.slice(0, 1_000)}\nexport const sum = (a: number, b: number) => a + b\n`
  expect(violations(source)).toEqual([])
})

test('a file of more than 300 lines is named', () => {
  expect(violations('// line\n'.repeat(300))).toEqual([])
  expect(violations('// line\n'.repeat(301))).toContain('0.ts:1 has 301 lines, limit 300')
})

describe('functions', () => {
  const short = functionOf(3).repeat(20)

  test('of more than 60 lines are named', () => {
    expect(violations(short, functionOf(60))).toEqual([])
    expect(violations(short, functionOf(61))).toContain(
      '0.ts:1 long has 61 lines, limit 60'.replace('0.ts', '1.ts'),
    )
  })

  test.each([
    ['a method', 'class A {\n  long() {\n', '  }\n}\n'],
    ['a constructor', 'class A {\n  constructor() {\n', '  }\n}\n'],
    ['a getter', 'class A {\n  get long() {\n', '  }\n}\n'],
    ['an arrow function', 'const long =\n  () => {\n', '  }\n'],
    ['a function expression', 'const long =\n  function () {\n', '  }\n'],
  ])('count as such: %s', (_, before, after) => {
    const found = violations(short, `${before}${'    work()\n'.repeat(60)}${after}`)
    expect(found).toContainEqual(expect.stringMatching(/^1\.ts:2 .+ has 62 lines/))
  })

  test('count with those within them', () => {
    expect(violations(short, `function outer() {\n${functionOf(59)}  work()\n}\n`)).toEqual([
      expect.stringContaining('1.ts:1 outer has 62 lines'),
      'longest function: 62, limit 60',
    ])
  })

  test('have their own limits for the median and for nine in ten', () => {
    expect(violations(functionOf(11))).toContain('median function: 11, limit 10')
    expect(violations(functionOf(3).repeat(8), functionOf(31), functionOf(31))).toEqual([
      '90 % of functions: 31, limit 30',
    ])
  })
})

test('any is named, wherever it stands', () => {
  expect(violations('const a: any = 1\nfunction f(b: Array<any>) {}\n')).toEqual(
    expect.arrayContaining(['0.ts:1 uses any', '0.ts:2 uses any']),
  )
  expect(violations("const any = 'any' // any\n")).toEqual([])
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

  test('are not `as const` and `satisfies`', () => {
    expect(violations('const a = [1] as const\nconst b = 2 satisfies number\n')).toEqual([])
  })

  test('are at most two in a thousand lines', () => {
    const cast = 'const a = b as string // because\n'
    expect(violations(FILLER, FILLER, FILLER, cast)).toEqual([])
    expect(violations(FILLER, FILLER, FILLER, cast + cast)).toEqual(['casts per 1,000 lines: 2.22, limit 2'])
  })

  test('are what switches the compiler off, too', () => {
    expect(violations('// @ts-expect-error\nconst a: string = 1\n')).toEqual([
      expect.stringContaining('casts per 1,000 lines'),
    ])
  })

  test('are not explained by what only looks like a comment', () => {
    const code = "const url = 'http://host'\nconst a = b as string\n"
    expect(violations(FILLER, FILLER, code)).toEqual([
      expect.stringMatching(/^2\.ts:2 casts without a comment/),
    ])
  })
})
