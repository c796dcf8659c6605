import { Type } from '@sinclair/typebox'
import { bytes, count, id, libraryId, milliseconds, percent, text } from './fields.ts'

const scan = {
  scan_id: id('Id of the scan'),
  library_id: libraryId,
}
const progress = percent('Percentage done, 0 to 100')
const filesFound = count('Number of media files found so far')
const filesProcessed = count('Number of files processed')
const bytesProcessed = bytes('Total size of the files processed')
const errorCount = count('Number of files that could not be read')
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
    path: text('Folder being scanned'),
  }),
  'scan.progress': Type.Object({
    ...scan,
    progress,
    files_found: filesFound,
    files_processed: filesProcessed,
    bytes_processed: bytesProcessed,
    error_count: Type.Optional(errorCount),
    current_file: Type.Optional(text('File being processed')),
  }),
  'scan.completed': Type.Object({
    ...scan,
    files_found: count('Number of media files found'),
    files_processed: filesProcessed,
    bytes_processed: bytesProcessed,
    error_count: errorCount,
    duration_ms: milliseconds('Duration of the scan'),
  }),
  'scan.failed': Type.Object({
    ...scan,
    error: text('Why the scan failed'),
    ...soFar,
    current_file: Type.Optional(text('File that was being processed')),
    duration_ms: Type.Optional(milliseconds('Duration until the scan failed')),
  }),
  'scan.resumed': Type.Object({ ...scan, ...soFar }),
  'scan.paused': Type.Object({
    ...scan,
    ...soFar,
    reason: Type.Optional(text('Reason: user, server busy, shutdown, …')),
  }),
}
