/**
 * Returns a key's partition, the same in every process: FNV-1a, 32 bit, over UTF-16 code units.
 * @see http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}
