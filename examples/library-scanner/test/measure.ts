import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EventServer } from './event-server.ts'
import { startScanner } from './scanner-process.ts'
import { filesOnServer, regularFiles } from './stored-files.ts'
import { temporaryDirectory } from './temporary-directory.ts'

// `pnpm measure <directory> [options]`: scans a tree of any size into a real server with SQLite, compares the stored events
// with the tree, and prints the duration and the server's peak memory (Linux).

const [directory, ...options] = process.argv.slice(2)
if (directory === undefined) throw new Error('Name the directory to scan')

await using temporary = await temporaryDirectory()
await using server = await EventServer.start(join(temporary.path, 'events.db'))
const startedMs = performance.now()
const scanner = startScanner([directory, '--url', server.url.href, ...options])
const { exitCode, stdout, stderr } = await scanner.result
const seconds = (performance.now() - startedMs) / 1000
// Before the comparison, whose long lists are not part of a scan.
const serverPeak = await peakMemory(server.pid)
console.log(stderr + stdout)
const [expected, stored] = await Promise.all([regularFiles(directory), filesOnServer(server.url)])
const equal = expected.join('\0') === stored.join('\0')
console.log({
  exitCode,
  files: expected.length,
  stored: stored.length,
  distinct: new Set(stored).size,
  equal,
  seconds,
  filesPerSecond: Math.round(stored.length / seconds),
  serverPeak,
})
if (!equal || exitCode !== 0) process.exitCode = 1

async function peakMemory(pid: number): Promise<string | undefined> {
  return /VmHWM:\s*(.*)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
}
