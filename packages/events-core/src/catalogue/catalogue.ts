import { PRIORITY } from '../event/event.ts'
import type { EventTypeDefinition } from './definition.ts'
import type { PayloadTypes } from './payloads.ts'

type Entry = Omit<EventTypeDefinition, 'type' | 'payload'>

const { low, normal, high } = PRIORITY

/** Exactly one entry per payload schema; the compiler ensures it. */
const ENTRIES = {
  'media.library.scanned': {
    priority: normal,
    description: 'A scan of a library ended; contains its totals.',
  },
  'media.file.found': {
    priority: normal,
    description: 'A scan found a media file that was not known before.',
  },
  'media.metadata.enriched': {
    priority: normal,
    description: 'Metadata for a media item was found and stored.',
  },
  'media.file.deleted': {
    priority: normal,
    description: 'A media file is gone and was removed from its library.',
  },
  'asset.created': {
    priority: normal,
    description: 'A poster, subtitle or other asset was added to a media item.',
  },
  'asset.updated': { priority: normal, description: 'An asset changed.' },
  'asset.removed': { priority: normal, description: 'An asset was removed.' },
  'asset.preferred': { priority: normal, description: 'An asset was selected among those of its type.' },
  'user.created': { priority: normal, description: 'A user account was created.' },
  'user.logged_in': { priority: normal, description: 'A user logged in.' },
  'user.device.registered': { priority: normal, description: 'A user used a device for the first time.' },
  'playback.started': { priority: normal, description: 'A user started to play a media item.' },
  'playback.finished': {
    priority: normal,
    description: 'Playback ended, at the end of the media item or earlier.',
  },
  'playback.progress': {
    priority: low,
    description: 'The current playback position; sent every few seconds of a session.',
  },
  'system.started': { priority: normal, description: 'The server started.' },
  'system.stopped': { priority: normal, description: 'The server is stopping.' },
  'plugin.loaded': { priority: normal, description: 'A plugin was loaded and is running.' },
  'plugin.unloaded': { priority: normal, description: 'A plugin was stopped and unloaded.' },
  'plugin.enabled': { priority: normal, description: 'A plugin was enabled.' },
  'plugin.disabled': { priority: normal, description: 'A plugin was disabled.' },
  'plugin.installed': { priority: normal, description: 'A plugin was installed.' },
  'plugin.error': { priority: high, description: 'A plugin failed.' },
  'scan.started': { priority: normal, description: 'A scan of a library started.' },
  'scan.progress': { priority: low, description: 'The progress of a scan; sent every few files or seconds.' },
  'scan.completed': { priority: normal, description: 'A scan processed every file.' },
  'scan.failed': { priority: high, description: 'A scan ended early because of an error.' },
  'scan.resumed': { priority: normal, description: 'A paused scan was resumed.' },
  'scan.paused': { priority: normal, description: 'A scan was paused and can be resumed.' },
  error: { priority: high, description: 'A failure that no other type covers.' },
  warning: { priority: normal, description: 'A problem that does not stop the server.' },
  info: { priority: normal, description: 'Useful information that no other type covers.' },
  debug: { priority: low, description: 'A detail for developers.' },
  'audit.event.deleted': { priority: normal, description: 'An admin deleted an event.' },
  'audit.events.cleared': { priority: normal, description: 'An admin deleted all events.' },
  'audit.subscription.paused': {
    priority: normal,
    description: 'An admin paused a durable subscription.',
  },
  'audit.subscription.resumed': {
    priority: normal,
    description: 'An admin resumed a durable subscription.',
  },
  'audit.subscription.reset': {
    priority: normal,
    description: 'An admin moved a durable subscription to another position.',
  },
  'audit.subscription.renamed': {
    priority: normal,
    description: 'An admin renamed a durable subscription.',
  },
  'audit.subscription.deleted': {
    priority: normal,
    description: 'An admin deleted a durable subscription.',
  },
  'audit.dead_letters.retried': {
    priority: normal,
    description: 'An admin requested or cancelled retries of dead letters.',
  },
  'audit.dead_letter.deleted': { priority: normal, description: 'An admin deleted a dead letter.' },
  'audit.job.cancelled': { priority: normal, description: 'An admin cancelled a job.' },
} as const satisfies Record<keyof PayloadTypes, Entry>

/** The built-in event types. `@viewra/events-core/schemas` has their payload schemas. */
export const CATALOGUE: readonly EventTypeDefinition[] = Object.freeze(
  Object.entries(ENTRIES).map(([type, entry]) => Object.freeze({ type, ...entry })),
)
