import { stat } from 'node:fs/promises'
import type { JsonObject, JsonValue } from '@viewra/events-core'
import {
  CouldNotDetermineFileTypeError,
  type IAudioMetadata,
  parseFile,
  UnsupportedFileTypeError,
} from 'music-metadata'
import { MediaFault } from './media-fault.ts'

/** The tags of a media file. */
export interface MediaTags {
  /** Absent if the file has no title. */
  readonly title?: string
  /** Everything else, named as in music-metadata. */
  readonly metadata: JsonObject
}

/** Omits covers, lyrics and comments, which are too large for an event or of no use to others. */
const TAGS = [
  ...['artist', 'artists', 'albumartist', 'album', 'work', 'subtitle', 'grouping'],
  ...['track', 'disk', 'year', 'date', 'originaldate', 'genre', 'mood', 'language', 'bpm', 'key'],
  ...[
    'composer',
    'conductor',
    'lyricist',
    'remixer',
    'label',
    'catalognumber',
    'isrc',
    'barcode',
    'copyright',
  ],
  ...['compilation', 'tvShow', 'tvSeason', 'tvEpisode', 'tvEpisodeId', 'tvNetwork'],
  ...['musicbrainz_recordingid', 'musicbrainz_albumid', 'musicbrainz_artistid', 'acoustid_id'],
] as const

const FORMAT = [
  ...['container', 'codec', 'codecProfile', 'lossless', 'duration', 'bitrate'],
  ...['sampleRate', 'bitsPerSample', 'numberOfChannels', 'hasAudio', 'hasVideo'],
] as const

/**
 * Reads a file's tags; returns none for a format without a reader.
 * @throws MediaFault if the file is gone or damaged; the file system's error if it cannot be read now
 */
export async function readTags(path: string): Promise<MediaTags> {
  try {
    // Opening a FIFO would wait for its writer.
    if (!(await stat(path)).isFile()) throw new MediaFault('NOT_A_FILE', path)
    // Without an index, a whole Matroska file, which may be a film, would be read.
    const found = await parseFile(path, { skipCovers: true, mkvUseIndex: true })
    if (isNothing(found)) throw new MediaFault('CORRUPT', path)
    return tagsOf(found)
  } catch (error) {
    if (error instanceof UnsupportedFileTypeError || error instanceof CouldNotDetermineFileTypeError) {
      return { metadata: {} }
    }
    throw faultOf(error, path)
  }
}

function faultOf(error: unknown, path: string): unknown {
  if (error instanceof MediaFault || !(error instanceof Error)) return error
  if ('code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
    return new MediaFault('GONE', path, error)
  }
  // A parser's error has no system call. It may be of any class: parsers trust their input in places.
  return 'syscall' in error ? error : new MediaFault('CORRUPT', path, error)
}

/** Many parsers read to the end of a file that contains nothing for them, without an error. */
function isNothing({ format }: IAudioMetadata): boolean {
  return format.container === undefined && format.tagTypes.length === 0
}

function tagsOf({ common, format }: IAudioMetadata): MediaTags {
  const title = common.title?.trim()
  const metadata = { ...pick(common, TAGS), ...pick(format, FORMAT) }
  return { ...(title && { title }), metadata }
}

function pick<K extends string>(
  from: Readonly<Partial<Record<K, JsonValue>>>,
  names: readonly K[],
): JsonObject {
  const picked: Record<string, JsonValue> = {}
  for (const name of names) {
    const value = from[name]
    if (value !== undefined && isKnown(value)) picked[name] = value
  }
  return picked
}

/** Parsers leave numbers they could not read as NaN, and those of tracks and discs as null. */
function isKnown(value: JsonValue): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object') return value !== ''
  return value !== null && Object.values(value).some((part) => part !== null)
}
