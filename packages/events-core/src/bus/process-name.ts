import { hostname } from 'node:os'

/** Returns a name for this process, which leases show to people; each call returns another name. */
export function processName(): string {
  return `${hostname()}/${process.pid}/${crypto.randomUUID().slice(0, 8)}`
}
