import { Type } from '@sinclair/typebox'
import { bytes, count, id, libraryId, milliseconds, percent, text } from './fields.ts'

const scan = {
  scan_id: id('The scan'),
  library_id: libraryId,
}
const progress = percent('Part that is done, 0 to 100')
const filesFound = count('Media files found so far')
const filesProcessed = count('Files that are done')
const bytesProcessed = bytes('Size of the files that are done')
const errorCount = count('Files that could not be read')
const soFar = {
  progress: Type.Optional(progress),
  files_found: Type.Optional(filesFound),
  files_processed: Type.Optional(filesProcessed),
  bytes_processed: Type.Optional(bytesProcessed),
  error_count: Type.Optional(errorCount),
}

export const scanPayloads = {
  'scan.started': Type.Object({
    ...scan,
    path: text('Folder that is scanned'),
  }),
  'scan.progress': Type.Object({
    ...scan,
    progress,
    files_found: filesFound,
    files_processed: filesProcessed,
    bytes_processed: bytesProcessed,
    error_count: Type.Optional(errorCount),
    current_file: Type.Optional(text('File that is looked at')),
  }),
  'scan.completed': Type.Object({
    ...scan,
    files_found: count('Media files found'),
    files_processed: filesProcessed,
    bytes_processed: bytesProcessed,
    error_count: errorCount,
    duration_ms: milliseconds('How long the scan took'),
  }),
  'scan.failed': Type.Object({
    ...scan,
    error: text('Why the scan ended'),
    ...soFar,
    current_file: Type.Optional(text('File that was looked at')),
    duration_ms: Type.Optional(milliseconds('How long the scan ran')),
  }),
  'scan.resumed': Type.Object({ ...scan, ...soFar }),
  'scan.paused': Type.Object({
    ...scan,
    ...soFar,
    reason: Type.Optional(text('Why: by a user, server busy, shutdown, …')),
  }),
}
