// Simulates a thread of Deno, whose port has no close(). It writes its exit code, which shows an error, beside the file
// that it opens.
import { writeFileSync } from 'node:fs'
import { MessagePort, workerData } from 'node:worker_threads'

Reflect.deleteProperty(MessagePort.prototype, 'close')
process.on('exit', (code) => writeFileSync(`${workerData.path}.${workerData.role}-exit`, String(code)))
await import('../../../../src/storage/sqlite/thread/thread.ts')
