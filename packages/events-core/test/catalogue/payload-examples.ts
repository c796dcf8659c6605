import type { PayloadTypes } from '../../src/catalogue/payloads.ts'

const asset = { asset_id: 'asset-1', media_id: 'media-1', type: 'poster' }
const plugin = { plugin_id: 'tmdb', name: 'TMDb', version: '1.2.0', type: 'metadata' }
const scan = { scan_id: 'scan-1', library_id: 5 }
const session = { user_id: 'user-1', media_id: 'media-1', device_id: 'device-1', session_id: 'session-1' }
const done = { files_found: 120, files_processed: 60, bytes_processed: 4_000_000_000 }

/** A payload of each built-in type, with every field of its schema. */
export const PAYLOAD_EXAMPLES: { readonly [T in keyof PayloadTypes]: Required<PayloadTypes[T]> } = {
  'media.library.scanned': {
    library_id: 5,
    path: '/media/movies',
    type: 'movies',
    duration_ms: 61_000,
    file_count: 120,
    bytes_scanned: 9_000_000_000_000,
    error_count: 0,
  },
  'media.file.found': {
    path: '/media/movies/metropolis.mkv',
    library_id: 5,
    size: 4_000_000_000,
    hash: 'sha256:9f86d081',
    mime_type: 'video/x-matroska',
    mod_time: '2026-01-31T12:00:00Z',
  },
  'media.metadata.enriched': {
    media_id: 'media-1',
    title: 'Metropolis',
    source: 'tmdb',
    poster_url: 'https://example.com/poster.jpg',
    metadata: { year: 1927, genres: ['drama'] },
  },
  'media.file.deleted': { path: '/media/movies/metropolis.mkv', media_id: 'media-1', reason: 'missing' },
  'asset.created': assetExample(),
  'asset.updated': { ...assetExample(), changed: ['size', 'path'] },
  'asset.removed': { ...asset, reason: 'replaced' },
  'asset.preferred': { ...asset, previous_asset_id: 'asset-0', user_id: 'user-1' },
  'user.created': {
    user_id: 'user-1',
    username: 'maria',
    email: 'maria@example.com',
    created_at: '2026-01-31T12:00:00.000Z',
  },
  'user.logged_in': {
    user_id: 'user-1',
    username: 'maria',
    device_id: 'device-1',
    ip: '2001:db8::1',
    user_agent: 'Viewra/1.0',
    timestamp: '2026-01-31T13:00:00+01:00',
  },
  'user.device.registered': {
    user_id: 'user-1',
    device_id: 'device-1',
    device_name: 'Living room',
    device_type: 'tv',
    os: 'Android 14',
    browser: 'Viewra TV',
  },
  'playback.started': { ...session, timestamp: '2026-01-31T12:00:00.5Z' },
  'playback.finished': {
    ...session,
    progress_seconds: 8_999.5,
    duration_seconds: 9_000,
    finished: true,
    watch_percentage: 99.9,
    reason: 'stopped',
  },
  'playback.progress': {
    ...session,
    current_time: 61.25,
    duration: 9_000,
    buffered_time: 120,
    playback_rate: 1.5,
    volume: 0.8,
  },
  'system.started': {
    version: '1.4.0',
    uptime_ms: 800,
    plugin_count: 3,
    library_count: 2,
    user_count: 4,
    media_count: 10_000,
  },
  'system.stopped': { version: '1.4.0', uptime_ms: 86_400_000, reason: 'SIGTERM' },
  'plugin.loaded': plugin,
  'plugin.unloaded': { ...plugin, reason: 'shutdown' },
  'plugin.enabled': plugin,
  'plugin.disabled': { ...plugin, reason: 'by a user' },
  'plugin.installed': { ...plugin, source: 'https://example.com/tmdb.tgz' },
  'plugin.error': {
    plugin_id: 'tmdb',
    error: 'connect ECONNREFUSED',
    name: 'TMDb',
    version: '1.2.0',
    code: 'ECONNREFUSED',
    operation: 'search',
    stack: 'Error: connect ECONNREFUSED\n    at search',
    fatal: false,
  },
  'scan.started': { ...scan, path: '/media/movies' },
  'scan.progress': {
    ...scan,
    ...done,
    progress: 50,
    error_count: 1,
    current_file: '/media/movies/metropolis.mkv',
  },
  'scan.completed': { ...scan, ...done, error_count: 1, duration_ms: 61_000 },
  'scan.failed': {
    ...scan,
    ...done,
    error: 'EIO: i/o error, read',
    progress: 50,
    error_count: 1,
    current_file: '/media/movies/metropolis.mkv',
    duration_ms: 30_000,
  },
  'scan.resumed': { ...scan, ...done, progress: 50, error_count: 1 },
  'scan.paused': { ...scan, ...done, progress: 50, error_count: 1, reason: 'by a user' },
  error: { ...reportExample(), error: 'ENOSPC', stack: 'Error: ENOSPC\n    at write' },
  warning: { ...reportExample(), error: 'slow disk', stack: 'Error: slow disk\n    at read' },
  info: reportExample(),
  debug: reportExample(),
  'audit.event.deleted': auditExample(),
  'audit.events.cleared': { ...auditExample(), deleted: 1042 },
  'audit.subscription.paused': auditExample(),
  'audit.subscription.resumed': auditExample(),
  'audit.subscription.reset': auditExample(),
  'audit.subscription.renamed': auditExample(),
  'audit.subscription.deleted': auditExample(),
  'audit.dead_letters.retried': auditExample(),
  'audit.dead_letter.deleted': auditExample(),
  'audit.job.cancelled': auditExample(),
}

function auditExample() {
  return {
    principal: 'ada',
    ip: '192.0.2.7',
    user_agent: 'curl/8',
    target: { id: 'e1' },
    request: { to: 'now' },
  }
}

function assetExample() {
  return {
    ...asset,
    source: 'tmdb',
    path: '/data/assets/asset-1.jpg',
    mime_type: 'image/jpeg',
    size: 250_000,
    width: 1_000,
    height: 1_500,
    language: 'de',
  }
}

function reportExample() {
  return { code: 'DISK', component: 'scanner', details: { path: '/media' } }
}
