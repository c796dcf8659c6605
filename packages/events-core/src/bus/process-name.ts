import { hostname } from 'node:os'

/** Names this process in leases, for people who look who runs a subscription; another name at each call. */
export function processName(): string {
  return `${hostname()}/${process.pid}/${crypto.randomUUID().slice(0, 8)}`
}
