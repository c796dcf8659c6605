import type { EventInput } from '@viewra/events-core'

/** Types with their shares in percent, as in a media server: most events are progress. */
const SHARES: readonly (readonly [type: string, share: number])[] = [
  ['scan.progress', 30],
  ['playback.progress', 22],
  ['media.metadata.enriched', 12],
  ['media.file.found', 10],
  ['asset.created', 6],
  ['playback.started', 4],
  ['playback.finished', 4],
  ['plugin.loaded', 3],
  ['user.logged_in', 3],
  ['info', 2],
  ['warning', 2],
  ['error', 1],
  ['debug', 1],
]

const BY_PERCENT: readonly string[] = SHARES.flatMap(([type, share]) =>
  Array.from({ length: share }, () => type),
)

const LIBRARIES = 8
const USERS = 50
const PLUGINS = 12

/** A cheap hash, so that the fields of the n-th event do not repeat in step, and are the same in every run. */
function mixed(n: number): number {
  return Math.imul(n ^ 0x9e3779b9, 0x85ebca6b) >>> 0
}

/** Returns the n-th event of a media server's day: 450 bytes stored, two tags, five fields of data. */
export function eventAt(n: number): EventInput {
  const dice = mixed(n)
  const type = BY_PERCENT[dice % BY_PERCENT.length] ?? 'info'
  return {
    type,
    source: sourceOf(dice),
    title: `${type} of item ${n}`,
    message: 'Season 3, episode 7: the file was read and its streams were found to be in order',
    target: dice % 16 === 0 ? `item:${n % 5_000}` : '',
    priority: dice % 97 === 0 ? 20 : dice % 11 === 0 ? 10 : 5,
    tags: [`library-${dice % LIBRARIES}`, n % 1_000 === 0 ? 'rare' : 'regular'],
    data: {
      item_id: n % 5_000,
      library_id: dice % LIBRARIES,
      path: `/media/shows/some-show/season-3/episode-${n % 24}.mkv`,
      progress: dice % 101,
      playing: dice % 2 === 0,
    },
  }
}

function sourceOf(dice: number): string {
  const kind = (dice >>> 8) % 10
  if (kind < 5) return 'system'
  return kind < 8 ? `plugin:${(dice >>> 12) % PLUGINS}` : `user:${(dice >>> 12) % USERS}`
}
