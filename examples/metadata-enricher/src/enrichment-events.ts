import { hash } from 'node:crypto'
import { basename, extname } from 'node:path'
import { type EventInput, type EventOf, type EventTypes, pluginEvent } from '@viewra/events-core'
import type { MediaFault } from './media-fault.ts'
import type { MediaTags } from './media-tags.ts'

export type FileFound = EventOf<EventTypes, 'media.file.found'>

const PLUGIN = 'metadata-enricher'

export function metadataEnriched(
  found: FileFound,
  { title, metadata }: MediaTags,
): EventInput<'media.metadata.enriched'> {
  const { path, library_id } = found.data
  return pluginEvent(PLUGIN, 'media.metadata.enriched', {
    ...cause(found, 'media.metadata.enriched'),
    data: {
      // Derived from what a file keeps from one scan to the next, because nobody has assigned it an id.
      media_id: digest(`${library_id} ${path}`),
      title: title ?? basename(path, extname(path)),
      source: title === undefined ? 'file name' : 'file tags',
      metadata,
    },
  })
}

export function notEnriched(found: FileFound, { code, message, reason }: MediaFault): EventInput<'warning'> {
  const { path, library_id } = found.data
  return pluginEvent(PLUGIN, 'warning', {
    ...cause(found, 'warning'),
    title: 'Not enriched',
    message,
    data: { code, component: PLUGIN, error: reason, details: { library_id, path } },
  })
}

/**
 * Links an event to the one that it answers. Its id is derived from that one's, so an event that is handled again after
 * a crash is answered with an event that is already stored, and is not stored again.
 */
function cause({ id, correlation_id }: FileFound, type: string) {
  return {
    id: digest(`${type} ${id}`),
    causation_id: id,
    ...(correlation_id !== undefined && { correlation_id }),
  }
}

/** Returns a digest that is short enough for an id; with 128 bits, no two are ever equal. */
function digest(text: string): string {
  return hash('sha256', text).slice(0, 32)
}
