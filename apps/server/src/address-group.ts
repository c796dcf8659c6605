import { isIPv6 } from 'node:net'

const GROUPS = 8
/** A network of IPv6 is what one customer gets, with as many addresses as they like. */
const NETWORK_GROUPS = 4

/** Returns what connections are counted by: an address of IPv4, or the /64 network of one of IPv6. */
export function addressGroup(address = ''): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('%', 1).join().split('::')
  const [first, last] = [wordsOf(head), wordsOf(tail ?? '')]
  const zeros = Array.from({ length: GROUPS - first.length - last.length }, () => '0')
  return [...first, ...zeros, ...last].slice(0, NETWORK_GROUPS).join(':')
}

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
