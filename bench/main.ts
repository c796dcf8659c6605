// Runs the suites, each in its own process, and prints their tables: see README.md.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type SuiteReport, targetLine } from './harness/report.ts'
import type { Settings } from './harness/settings.ts'

const SUITES = ['dispatch', 'append', 'query', 'processors', 'http', 'fanout', 'footprint']
const STORES = ['sqlite', 'postgres']
const USAGE = `npm run bench -- [${SUITES.join('|')} …] [--json FILE] [--rows N] [--rounds N] [--store ${STORES.join('|')}]…`

const { values, positionals } = parsed()

const settings: Settings = {
  rows: wholeNumber('rows', values.rows),
  rounds: wholeNumber('rounds', values.rounds),
  stores: values.store,
}
const unknown = [
  ...positionals.filter((name) => !SUITES.includes(name)),
  ...values.store.filter((name) => !STORES.includes(name)),
]
if (unknown.length > 0) fail(`Unknown: ${unknown.join(', ')}`)

// Checked now and not after a quarter of an hour.
if (values.json !== undefined) checkWritable(values.json)

const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length }
console.log(`Node ${machine.node}, ${machine.cores} cores (${machine.cpu})`)
const reports: SuiteReport[] = []
for (const name of positionals.length > 0 ? positionals : SUITES) reports.push(await run(name))

console.log('\n## Targets\n')
for (const { suite, targets, seconds } of reports) {
  console.log(`${suite} (${seconds} s)`)
  for (const target of targets) console.log(targetLine(target))
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ machine, settings, suites: reports }, undefined, 2)}\n`)
}

async function run(name: string): Promise<SuiteReport> {
  const child = fork(new URL('suite.ts', import.meta.url), [name, JSON.stringify(settings)], {
    execArgv: ['--conditions=@viewra/source', '--expose-gc', '--disable-warning=ExperimentalWarning'],
  })
  const exited = once(child, 'exit')
  let report: SuiteReport | undefined
  child.on('message', (message: SuiteReport) => {
    report = message
  })
  const [code] = await exited
  if (report === undefined) fail(`The suite ${name} ended without a report (exit code ${code})`)
  return report
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        rows: { type: 'string', default: '5000000' },
        rounds: { type: 'string', default: '5' },
        store: { type: 'string', multiple: true, default: STORES },
      },
    })
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a'))
  } catch (error) {
    fail(`--json cannot be written: ${error instanceof Error ? error.message : error}`)
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) fail(`--${name} must be a whole number of at least 1, not '${text}'`)
  return Number(text)
}

function fail(message: string): never {
  console.error(`${message}\n${USAGE}`)
  process.exit(1)
}
