import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventBus } from '@viewra/events-core'

interface Page {
  readonly events: readonly { readonly data: { readonly path: string } }[]
  readonly total: number
  readonly next_cursor?: string
}

/** Returns the path of each `media.file.found` that a server has, sorted. */
export async function filesOnServer(server: URL): Promise<string[]> {
  const paths: string[] = []
  const page = new URL('/api/v1/events?type=media.file.found&limit=1000&order=asc&count=none', server)
  for (let more = true; more; ) {
    const { events, next_cursor: next } = await getPage(page)
    for (const { data } of events) paths.push(data.path)
    more = next !== undefined
    if (next !== undefined) page.searchParams.set('cursor', next)
  }
  return paths.sort()
}

/** Returns the number of events of a type that a server reports. */
export async function countOnServer(server: URL, type: string): Promise<number> {
  const { total } = await getPage(new URL(`/api/v1/events?limit=1&type=${type}`, server))
  return total
}

async function getPage(url: URL): Promise<Page> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} returned ${response.status} ${await response.text()}`)
  return JSON.parse(await response.text())
}

/** Returns the same for a bus. */
export async function filesOnBus(bus: EventBus): Promise<string[]> {
  const paths: string[] = []
  for (let after: number | undefined = 0; after !== undefined; ) {
    const filter = { types: ['media.file.found'] }
    const page = await bus.list({ filter, order: 'asc', limit: 10_000, after, count: 'none' })
    for (const { data } of page.events) paths.push(String(data.path))
    after = page.next
  }
  return paths.sort()
}

/** Returns the files that a scan should find, found in a different way, like `find -type f`. */
export async function regularFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
}
