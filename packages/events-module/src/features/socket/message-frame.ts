import type { ServerMessage } from './messages.ts'

const FINAL_TEXT = 0x81
/** Lengths up to 125 are in the header's second byte; these two say that 2 or 8 bytes of length follow. */
const LENGTH_16 = 126
const LENGTH_64 = 127

/** Returns a message as one frame. */
export function messageFrame(message: ServerMessage): Buffer {
  return textFrame(JSON.stringify(message))
}

/**
 * Returns a text as one unmasked WebSocket frame (RFC 6455, 5.2). A library call for each frame would cost more than all
 * the rest: a server's frame is a short header and the text.
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const headerBytes = length < LENGTH_16 ? 2 : length <= 0xffff ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + length)
  frame[0] = FINAL_TEXT
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = LENGTH_16
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = LENGTH_64
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, headerBytes)
  return frame
}
