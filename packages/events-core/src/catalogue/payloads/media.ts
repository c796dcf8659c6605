import { Type } from '@sinclair/typebox'
import {
  bytes,
  count,
  id,
  jsonObject,
  libraryId,
  mediaId,
  milliseconds,
  text,
  texts,
  time,
  userId,
} from './fields.ts'

export const mediaPayloads = {
  'media.library.scanned': Type.Object({
    library_id: libraryId,
    path: text('Root folder of the library'),
    type: text('What the library holds: movies, tv, music, …'),
    duration_ms: milliseconds('How long the scan took'),
    file_count: count('Media files found'),
    bytes_scanned: bytes('Size of these files together'),
    error_count: Type.Optional(count('Files that could not be read')),
  }),
  'media.file.found': Type.Object({
    path: text('Where the file is'),
    library_id: libraryId,
    size: bytes('Size of the file'),
    hash: text('Hash of its content'),
    mime_type: text('MIME type, such as video/x-matroska'),
    mod_time: time('When the file was last modified, RFC 3339'),
  }),
  'media.metadata.enriched': Type.Object({
    media_id: mediaId,
    title: text('Title that was found'),
    source: text('Where it was found: tmdb, musicbrainz, …'),
    poster_url: Type.Optional(text('Address of the poster')),
    metadata: jsonObject('Everything that was found, as the source names it'),
  }),
  'media.file.deleted': Type.Object({
    path: text('Where the file was'),
    media_id: mediaId,
    reason: Type.Optional(text('Why: missing, duplicate, by a user, …')),
  }),
}

const assetId = id('The asset')
const assetType = text('What the asset is: poster, backdrop, subtitle, …')

const asset = {
  asset_id: assetId,
  media_id: mediaId,
  type: assetType,
  source: Type.Optional(text('Where it comes from: a plugin, a provider, the file itself')),
  path: Type.Optional(text('Where its file is')),
  mime_type: Type.Optional(text('MIME type, such as image/jpeg')),
  size: Type.Optional(bytes('Size of the file')),
  width: Type.Optional(count('Width of an image, in pixels')),
  height: Type.Optional(count('Height of an image, in pixels')),
  language: Type.Optional(text('BCP 47 language tag')),
}

export const assetPayloads = {
  'asset.created': Type.Object(asset),
  'asset.updated': Type.Object({
    ...asset,
    changed: Type.Optional(texts('Names of the fields that changed')),
  }),
  'asset.removed': Type.Object({
    asset_id: assetId,
    media_id: mediaId,
    type: assetType,
    reason: Type.Optional(text('Why: replaced, media deleted, by a user, …')),
  }),
  'asset.preferred': Type.Object({
    asset_id: assetId,
    media_id: mediaId,
    type: assetType,
    previous_asset_id: Type.Optional(id('The asset that was preferred before')),
    user_id: Type.Optional(userId),
  }),
}
