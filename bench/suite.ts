// One suite in a process of its own, started by main.ts: what one leaves on the heap must not slow down the next.
import { Report } from './harness/report.ts'
import type { Settings } from './harness/settings.ts'

type Suite = (report: Report, settings: Settings) => Promise<void>

const [name = '', settings = '{}'] = process.argv.slice(2)
// The suite's name was checked by main.ts against the list of files.
const { suite }: { suite: Suite } = await import(`./suites/${name}.ts`)
const report = new Report(name)
await suite(report, JSON.parse(settings))
process.send?.(report.finish(), () => process.exit())
