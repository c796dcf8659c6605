import type { EventBus, StoredEvent } from '@viewra/events-core'

/** Returns path and title of each `media.metadata.enriched`, sorted; the path is that of the event that caused it. */
export async function storedTitles(bus: EventBus): Promise<string[]> {
  const found = await stored(bus, 'media.file.found')
  const paths = new Map(found.map(({ id, data }) => [id, data.path]))
  const enriched = await stored(bus, 'media.metadata.enriched')
  return enriched.map(({ causation_id, data }) => `${paths.get(causation_id ?? '')}: ${data.title}`).sort()
}

/** Returns all events of a type, in order. */
export async function stored(bus: EventBus, type: string): Promise<readonly StoredEvent[]> {
  const page = await bus.list({ filter: { types: [type] }, order: 'asc', limit: 10_000 })
  if (page.next !== undefined) throw new Error(`There are more than 10,000 of ${type}`)
  return page.events
}
