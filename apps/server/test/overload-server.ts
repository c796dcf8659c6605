// A server that is overloaded soon, for overload.test.ts.
import { readConfig } from '../src/config.ts'
import { openStore } from '../src/open-store.ts'
import { EventServer } from '../src/server.ts'

const config = readConfig(process.env, process.cwd())
const options = {
  config,
  version: '0.0.0',
  logStream: process.stderr,
  limits: { eventLoopDelayMs: 4, sampleMs: 50, reads: { atOnce: 2, perOwner: 1, waiting: 0 } },
}
const server = new EventServer(options, await openStore(config))
console.log(`listening on ${await server.start()} — ${config.database.place}`)
