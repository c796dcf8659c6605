// Runs one attack in a thread of its own, so that what others see is not delayed by it.
import { workerData } from 'node:worker_threads'
import { ATTACKS } from './attacks.ts'
import { Client } from './client.ts'

const { name, port, tokens, ms } = workerData
const client = new Client(port, tokens)
// Connections that nobody reads from do not keep the thread alive.
setTimeout(() => {}, ms)
await ATTACKS[name]?.(client, AbortSignal.timeout(ms))
client.close()
