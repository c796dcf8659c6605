import { readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = path.join(import.meta.dirname, '../..')

/** A program that depends on all packages: the samples are compiled as if they were part of it. */
const PLACE = path.join(ROOT, 'apps/server/src')

/** The samples of one document are one program. */
const DOCUMENTS = ['docs/processors.md', 'docs/jobs.md']

test('the samples of the documents compile', () => {
  const { problems, lines } = compile(DOCUMENTS)
  expect(problems).toEqual([])
  for (const document of DOCUMENTS) expect(lines(document), document).toBeGreaterThan(10)
})

function compile(documents: readonly string[]) {
  const sources = new Map(documents.map((document) => [placeOf(document), samplesOf(document)]))
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT)
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists } = host
  host.readFile = (file) => sources.get(path.normalize(file)) ?? readFile(file)
  host.fileExists = (file) => sources.has(path.normalize(file)) || fileExists(file)
  const program = ts.createProgram([...sources.keys()], options, host)
  const problems = [...sources.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) => {
        const line = source === undefined ? 0 : source.getLineAndCharacterOfPosition(start).line + 1
        return `${path.basename(file)}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
      },
    )
  })
  return { problems, lines: (document: string) => sources.get(placeOf(document))?.match(/^.*\S/gm)?.length }
}

function placeOf(document: string): string {
  return path.join(PLACE, `${path.basename(document)}.ts`)
}

/** Leaves only the samples, each in its line. */
function samplesOf(document: string): string {
  let isSample = false
  const lines = readFileSync(path.join(ROOT, document), 'utf8').split('\n')
  const kept = lines.map((line) => {
    if (line.startsWith('```')) isSample = line === '```ts'
    return isSample && line !== '```ts' ? line : ''
  })
  return `${kept.join('\n')}\nexport {}\n`
}
