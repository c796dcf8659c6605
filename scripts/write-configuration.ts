// Regenerates the table in docs/configuration.md from the server's schema.
import { readFileSync, writeFileSync } from 'node:fs'
import { markdownTable } from '../apps/server/src/config-reference.ts'

const file = new URL('../docs/configuration.md', import.meta.url)
const old = readFileSync(file, 'utf8')
writeFileSync(
  file,
  old.replace(/^\| Variable .*\n(\|.*\n)*/m, () => `${markdownTable()}\n`),
)
