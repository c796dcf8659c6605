// `npm run docs`: writes the reference pages and tables from the tables in the source.
import { writeFile } from 'node:fs/promises'
import { generatedPages } from './docs/pages.ts'

for (const { file, text } of await generatedPages()) await writeFile(file, text)
