import { createHash } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { FileFault } from './file-problem.ts'

const MIB = 1024 * 1024
const CHUNK_BYTES = 128 * 1024

// The walk saw a regular file here, but by now anything may have this name. NONBLOCK prevents waiting forever for a
// FIFO to be opened, NOFOLLOW refuses a link. Windows has neither flag, and no such files.
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)

export interface Fingerprint {
  /** The size in bytes. */
  readonly size: number
  /** The RFC 3339 time of the last change of the content. */
  readonly modTime: string
  /** The hash, as `fingerprint` defines it. */
  readonly hash: string
}

/**
 * Returns size, time and hash of a regular file, all from the same moment.
 *
 * The hash is the SHA-256, in lower-case hexadecimal, of these bytes in sequence:
 * 1. the first MiB (1,048,576 bytes) of the file, or the whole file if it is shorter;
 * 2. the last MiB of the file, without the bytes already in 1: nothing for a file of up to one MiB, the remainder
 *    for one of up to two;
 * 3. the size of the file in bytes, in decimal ASCII digits.
 *
 * It costs the same for a film as for a song, and distinguishes files that differ in length, in their head (tags,
 * container header) or in their tail (index). Files of the same size that differ only between the first and the last
 * MiB have the same hash: it finds moved and renamed files but does not prove that contents are equal.
 * For a file larger than 2 MiB: `(head -c 1048576 f; tail -c 1048576 f; printf %s "$(stat -c %s f)") | sha256sum`.
 * @throws the file system's error, or `FileFault`
 */
export async function fingerprint(path: string): Promise<Fingerprint> {
  await using file = await open(path, FLAGS)
  const stats = await file.stat()
  if (!stats.isFile()) throw new FileFault('CHANGED', path)
  return { size: stats.size, modTime: rfc3339(stats.mtime, path), hash: await hash(file, stats, path) }
}

/**
 * Formats a time. RFC 3339 has four digits for the year, but file systems have more, and wrong clocks have set such years.
 */
function rfc3339(time: Date, path: string): string {
  const year = time.getUTCFullYear()
  if (year >= 0 && year <= 9999) return time.toISOString()
  throw new FileFault('EOVERFLOW', path)
}

async function hash(file: FileHandle, { size }: Stats, path: string): Promise<string> {
  const sha256 = createHash('sha256')
  const headEnd = Math.min(size, MIB)
  const tailStart = Math.max(headEnd, size - MIB)
  for await (const chunk of chunks(file, 0, headEnd, path)) sha256.update(chunk)
  for await (const chunk of chunks(file, tailStart, size, path)) sha256.update(chunk)
  return sha256.update(String(size)).digest('hex')
}

/** Yields the bytes from `start` up to `end`. Each chunk is overwritten by the next one. */
async function* chunks(file: FileHandle, start: number, end: number, path: string) {
  const buffer = Buffer.allocUnsafe(Math.min(end - start, CHUNK_BYTES))
  for (let position = start; position < end; ) {
    const length = Math.min(buffer.length, end - position)
    const { bytesRead } = await file.read(buffer, 0, length, position)
    if (bytesRead === 0) throw new FileFault('CHANGED', path)
    yield buffer.subarray(0, bytesRead)
    position += bytesRead
  }
}
