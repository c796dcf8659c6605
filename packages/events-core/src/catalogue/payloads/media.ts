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
    type: text('Kind of media in the library: movies, tv, music, …'),
    duration_ms: milliseconds('Duration of the scan'),
    file_count: count('Number of media files found'),
    bytes_scanned: bytes('Total size of these files'),
    error_count: Type.Optional(count('Number of files that could not be read')),
  }),
  'media.file.found': Type.Object({
    path: text('Path of the file'),
    library_id: libraryId,
    size: bytes('Size of the file'),
    hash: text('Hash of the content'),
    mime_type: text('MIME type, such as video/x-matroska'),
    mod_time: time('When the file was last modified, RFC 3339'),
  }),
  'media.metadata.enriched': Type.Object({
    media_id: mediaId,
    title: text('Title found'),
    source: text('Where the metadata was found: tmdb, musicbrainz, …'),
    poster_url: Type.Optional(text('URL of the poster')),
    metadata: jsonObject('All metadata found, with the source’s names'),
  }),
  'media.file.deleted': Type.Object({
    path: text('Former path of the file'),
    media_id: mediaId,
    reason: Type.Optional(text('Reason: missing, duplicate, user, …')),
  }),
}

const assetId = id('Id of the asset')
const assetType = text('Kind of asset: poster, backdrop, subtitle, …')

const asset = {
  asset_id: assetId,
  media_id: mediaId,
  type: assetType,
  source: Type.Optional(text('Origin: a plugin, a provider, the file itself')),
  path: Type.Optional(text('Path of its file')),
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
    changed: Type.Optional(texts('Names of the changed fields')),
  }),
  'asset.removed': Type.Object({
    asset_id: assetId,
    media_id: mediaId,
    type: assetType,
    reason: Type.Optional(text('Reason: replaced, media deleted, user, …')),
  }),
  'asset.preferred': Type.Object({
    asset_id: assetId,
    media_id: mediaId,
    type: assetType,
    previous_asset_id: Type.Optional(id('Id of the asset preferred before')),
    user_id: Type.Optional(userId),
  }),
}
