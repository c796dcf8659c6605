import { createEvent, type EventInput, type EventTypes } from '@viewra/events-core'
import mime from 'mime'
import type { FileProblem } from './file-problem.ts'
import type { Fingerprint } from './fingerprint.ts'
import { percentDone, type Tally } from './tally.ts'

export type Progress = EventTypes['scan.progress']

/** Creates the events of one scan, which all have its id as their `correlation_id`. */
export class ScanEvents {
  readonly #common: { readonly source: string; readonly correlation_id: string }
  readonly #scan: { readonly scan_id: string; readonly library_id: number }

  constructor(scanId: string, libraryId: number) {
    this.#common = { source: 'plugin:library-scanner', correlation_id: scanId }
    this.#scan = { scan_id: scanId, library_id: libraryId }
  }

  started(path: string): EventInput<'scan.started'> {
    const data = { ...this.#scan, path }
    return createEvent({ ...this.#common, type: 'scan.started', title: 'Scan started', data })
  }

  fileFound(path: string, { size, modTime, hash }: Fingerprint): EventInput<'media.file.found'> {
    return createEvent({
      ...this.#common,
      type: 'media.file.found',
      data: {
        path,
        library_id: this.#scan.library_id,
        size,
        hash,
        mime_type: mime.getType(path) ?? 'application/octet-stream',
        mod_time: modTime,
      },
    })
  }

  warning({ path, code, message }: FileProblem): EventInput<'warning'> {
    return createEvent({
      ...this.#common,
      type: 'warning',
      title: 'Not scanned',
      message,
      data: { code, component: 'library-scanner', error: message, details: { ...this.#scan, path } },
    })
  }

  progress(tally: Readonly<Tally>, currentFile: string): EventInput<'scan.progress'> & { data: Progress } {
    const data = { ...this.#scan, ...soFar(tally), current_file: currentFile }
    return createEvent({ ...this.#common, type: 'scan.progress', data })
  }

  completed(tally: Readonly<Tally>, durationMs: number): EventInput<'scan.completed'> {
    const { progress: _, ...totals } = soFar(tally)
    const data = { ...this.#scan, ...totals, files_found: tally.found, duration_ms: durationMs }
    return createEvent({ ...this.#common, type: 'scan.completed', title: 'Scan completed', data })
  }

  failed(error: string, tally: Readonly<Tally>, durationMs: number): EventInput<'scan.failed'> {
    const data = { ...this.#scan, error, ...soFar(tally), duration_ms: durationMs }
    return createEvent({ ...this.#common, type: 'scan.failed', title: 'Scan failed', message: error, data })
  }
}

function soFar(tally: Readonly<Tally>) {
  return {
    progress: percentDone(tally),
    files_found: Math.max(tally.counted, tally.found),
    files_processed: tally.published,
    bytes_processed: tally.bytes,
    error_count: tally.errors,
  }
}
