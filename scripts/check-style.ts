// Counts what keeps the code readable: sizes of files and functions, `any`, casts.
import { globSync, readFileSync } from 'node:fs'
import { judge } from './style/judge.ts'
import { measure } from './style/measure.ts'

const SOURCES = ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts', 'examples/*/src/**/*.ts', 'bench/**/*.ts']

const files = globSync(SOURCES, { exclude: ['**/node_modules/**'] }).sort()
const { figures, violations } = judge(files.map((file) => measure(file, readFileSync(file, 'utf8'))))

for (const { name, value, limit } of figures) {
  console.log(`${name.padEnd(22)} ${String(value).padStart(6)}  limit ${limit}${value > limit ? '  ✗' : ''}`)
}
console.log(`${files.length} files`)
for (const violation of violations) console.error(violation)
// A pattern that no longer matches anything would otherwise always pass.
if (files.length === 0) console.error('No source files found')
process.exitCode = violations.length > 0 || files.length === 0 ? 1 : 0
