// A server with limits of its own, given as JSON, for overload.test.ts.
import { readConfig } from '../src/config.ts'
import { openStore } from '../src/open-store.ts'
import { EventServer } from '../src/server.ts'

const config = readConfig(process.env, process.cwd())
const options = {
  config,
  version: '0.0.0',
  logStream: process.stderr,
  limits: JSON.parse(process.argv[2] ?? '{}'),
}
const server = new EventServer(options, await openStore(config))
console.log(`listening on ${await server.start()} — ${config.database.place}`)
