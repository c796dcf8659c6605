import { BlockList, isIP } from 'node:net'

/** Which senders are believed what they say of the client for whom they ask; as Fastify's `trustProxy` takes it. */
export type TrustProxy = true | string[] | ((address: string, hop: number) => boolean)

/** Ranges that have a name for Fastify. */
const NAMED_RANGES: readonly string[] = ['loopback', 'linklocal', 'uniquelocal']

/** Returns what the variable's text stands for; undefined when it is none of what it takes. */
export function readTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true') return true
  // Fastify itself takes a number and then trusts nobody, since it cannot know who has sent the first hop.
  if (/^[1-9]\d?$/.test(text)) return (_address, hop) => hop < Number(text)
  const ranges = text.split(',')
  return ranges.every((range) => NAMED_RANGES.includes(range) || isRange(range)) ? ranges : undefined
}

/** An address, or a range of them as CIDR has it. */
function isRange(range: string): boolean {
  const [, address = '', prefix] = /^([\d.:a-f]+)(?:\/(\d{1,3}))?$/i.exec(range) ?? []
  const family = isIP(address)
  if (family === 0 || prefix === undefined) return family !== 0
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4')
    return true
  } catch {
    return false
  }
}
