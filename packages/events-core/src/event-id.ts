import { randomFillSync } from 'node:crypto'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const random = new Uint8Array(8 * 512)
let randomAt = random.length
let lastMs = 0
let counter = 0

/**
 * A UUIDv7 (RFC 9562, section 5.7). Ids of one process sort in the order in which they were made: the 12 bits
 * after the version count up within a millisecond (section 6.2, method 1), and borrow from the next
 * millisecond when they run out or when the clock goes back.
 * @param nowMs milliseconds since 1970
 */
export function createEventId(nowMs: number): string {
  tick(nowMs)
  if (randomAt === random.length) {
    randomFillSync(random)
    randomAt = 0
  }
  const time = lastMs.toString(16).padStart(12, '0')
  const sequence = counter.toString(16).padStart(3, '0')
  const variant = hexAt(((random[randomAt] ?? 0) & 0x3f) | 0x80)
  const tail = randomTail()
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence}-${variant}${tail}`
}

function tick(nowMs: number): void {
  if (nowMs > lastMs) {
    lastMs = nowMs
    // Starting in the lower half leaves at least 2,048 ids before the millisecond has to be borrowed.
    counter = ((random[randomAt % random.length] ?? 0) << 3) | ((nowMs * 31) & 7)
  } else if (counter < 0xfff) {
    counter++
  } else {
    lastMs++
    counter = 0
  }
}

function randomTail(): string {
  let tail = hexAt(random[randomAt + 1] ?? 0)
  tail += '-'
  for (let i = 2; i < 8; i++) tail += hexAt(random[randomAt + i] ?? 0)
  randomAt += 8
  return tail
}

function hexAt(byte: number): string {
  return HEX[byte] ?? '00'
}
