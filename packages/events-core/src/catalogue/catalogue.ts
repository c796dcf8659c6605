import { PRIORITY } from '../event/event.ts'
import type { EventTypeDefinition } from './definition.ts'
import type { PayloadTypes } from './payloads.ts'

type Entry = Omit<EventTypeDefinition, 'type' | 'payload'>

const { low, normal, high } = PRIORITY

/** One entry for each payload schema, no more and no less: the compiler sees to it. */
const ENTRIES = {
  'media.library.scanned': { priority: normal, description: 'A scan of a library has ended; its totals.' },
  'media.file.found': { priority: normal, description: 'A media file that was not known was found.' },
  'media.metadata.enriched': {
    priority: normal,
    description: 'Metadata of a media item was found and stored.',
  },
  'media.file.deleted': {
    priority: normal,
    description: 'A media file is gone and was taken from its library.',
  },
  'asset.created': {
    priority: normal,
    description: 'A poster, subtitle or other asset was added to a media item.',
  },
  'asset.updated': { priority: normal, description: 'An asset has changed.' },
  'asset.removed': { priority: normal, description: 'An asset was removed.' },
  'asset.preferred': { priority: normal, description: 'An asset was chosen among those of its type.' },
  'user.created': { priority: normal, description: 'A user account was made.' },
  'user.logged_in': { priority: normal, description: 'A user has logged in.' },
  'user.device.registered': { priority: normal, description: 'A user uses a device for the first time.' },
  'playback.started': { priority: normal, description: 'A user has started to play a media item.' },
  'playback.finished': {
    priority: normal,
    description: 'Playback has ended, at the end of the media item or before.',
  },
  'playback.progress': {
    priority: low,
    description: 'Where playback is; sent every few seconds of a session.',
  },
  'system.started': { priority: normal, description: 'The server has started.' },
  'system.stopped': { priority: normal, description: 'The server is stopping.' },
  'plugin.loaded': { priority: normal, description: 'A plugin was loaded and runs.' },
  'plugin.unloaded': { priority: normal, description: 'A plugin was stopped and unloaded.' },
  'plugin.enabled': { priority: normal, description: 'A plugin was enabled.' },
  'plugin.disabled': { priority: normal, description: 'A plugin was disabled.' },
  'plugin.installed': { priority: normal, description: 'A plugin was installed.' },
  'plugin.error': { priority: high, description: 'A plugin has failed.' },
  'scan.started': { priority: normal, description: 'A scan of a library has started.' },
  'scan.progress': { priority: low, description: 'How far a scan is; sent every few files or seconds.' },
  'scan.completed': { priority: normal, description: 'A scan has looked at every file.' },
  'scan.failed': { priority: high, description: 'A scan has ended before its time because of an error.' },
  'scan.resumed': { priority: normal, description: 'A paused scan goes on.' },
  'scan.paused': { priority: normal, description: 'A scan was paused and can be resumed.' },
  error: { priority: high, description: 'Something failed that no other type tells about.' },
  warning: { priority: normal, description: 'Something is not as it should be, and the server goes on.' },
  info: { priority: normal, description: 'Something worth knowing that no other type tells about.' },
  debug: { priority: low, description: 'A detail for developers.' },
  'audit.event.deleted': { priority: normal, description: 'An admin has deleted an event.' },
  'audit.events.cleared': { priority: normal, description: 'An admin has deleted all events.' },
  'audit.subscription.paused': {
    priority: normal,
    description: 'An admin has paused a durable subscription.',
  },
  'audit.subscription.resumed': {
    priority: normal,
    description: 'An admin has resumed a durable subscription.',
  },
  'audit.subscription.reset': {
    priority: normal,
    description: 'An admin has set how far a durable subscription is.',
  },
  'audit.subscription.renamed': {
    priority: normal,
    description: 'An admin has renamed a durable subscription.',
  },
  'audit.subscription.deleted': {
    priority: normal,
    description: 'An admin has deleted a durable subscription.',
  },
  'audit.dead_letters.retried': {
    priority: normal,
    description: 'An admin has asked for retries of dead letters, or taken them back.',
  },
  'audit.dead_letter.deleted': { priority: normal, description: 'An admin has deleted a dead letter.' },
} as const satisfies Record<keyof PayloadTypes, Entry>

/** The built-in event types. Their payload schemas are in `@viewra/events-core/schemas`. */
export const CATALOGUE: readonly EventTypeDefinition[] = Object.freeze(
  Object.entries(ENTRIES).map(([type, entry]) => Object.freeze({ type, ...entry })),
)
