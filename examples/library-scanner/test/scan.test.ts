import { mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type ScanOptions, scan } from '../src/scan.ts'
import { makeFifo } from './fifo.ts'
import { Recorder } from './recorder.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Creates a directory with the given number of one-byte files. */
async function directoryOf(files: number) {
  const directory = await temporaryDirectory()
  for (let i = 0; i < files; i++) writeFileSync(join(directory.path, `${i}.mp3`), 'x')
  return directory
}

const scanning = (directory: string, publisher: Recorder, options: Partial<ScanOptions> = {}) =>
  scan({ directory, publisher, libraryId: 5, ...options })

test('reports a scan from start to end', async () => {
  await using root = await temporaryDirectory()
  mkdirSync(join(root.path, 'a'))
  writeFileSync(join(root.path, 'a/film.mkv'), 'moving pictures')
  writeFileSync(join(root.path, 'unknown.zzz'), '')
  symlinkSync('a', join(root.path, 'link'))
  symlinkSync('nowhere', join(root.path, 'broken'))
  const recorder = new Recorder()
  const report = await scanning(root.path, recorder)

  const counts = { files_found: 2, files_processed: 2, bytes_processed: 15, error_count: 1 }
  const ofScan = { scan_id: expect.any(String), library_id: 5 }
  expect(recorder.types().at(0)).toBe('scan.started')
  expect(recorder.data('scan.started')).toEqual([{ ...ofScan, path: root.path }])
  expect(new Set(recorder.data('media.file.found'))).toEqual(
    new Set([
      {
        path: join(root.path, 'a/film.mkv'),
        library_id: 5,
        size: 15,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        mime_type: 'video/x-matroska',
        mod_time: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      expect.objectContaining({
        path: join(root.path, 'unknown.zzz'),
        mime_type: 'application/octet-stream',
      }),
    ]),
  )
  expect(recorder.data('warning')).toEqual([
    {
      code: 'ENOENT',
      component: 'library-scanner',
      error: expect.stringContaining('no such file'),
      details: { ...ofScan, path: join(root.path, 'broken') },
    },
  ])
  expect(recorder.types().at(-1)).toBe('scan.completed')
  expect(recorder.data('scan.completed')).toEqual([{ ...ofScan, ...counts, duration_ms: expect.any(Number) }])
  expect(report).toMatchObject({ found: 2, published: 2, bytes: 15, errors: 1, skipped: 1 })
  expect(report.failure).toBeUndefined()
})

test('gives all events of a scan one correlation id, and another scan a different one', async () => {
  await using root = await directoryOf(3)
  const recorders = [new Recorder(), new Recorder()]
  for (const recorder of recorders) await scanning(root.path, recorder)
  const ids = recorders.map(({ events }) => new Set(events.map((event) => event.correlation_id)))
  for (const [i, recorder] of recorders.entries()) {
    expect(ids[i]).toEqual(new Set([recorder.data('scan.started')[0]?.scan_id]))
  }
  expect(ids[0]).not.toEqual(ids[1])
})

test('reports real paths when the directory is given as a link', async () => {
  await using root = await directoryOf(1)
  await using elsewhere = await temporaryDirectory()
  symlinkSync(root.path, join(elsewhere.path, 'link'))
  const recorder = new Recorder()
  await scanning(join(elsewhere.path, 'link'), recorder)
  expect(recorder.data('media.file.found')).toMatchObject([{ path: join(realpathSync(root.path), '0.mp3') }])
})

test('completes a scan of an empty directory', async () => {
  await using root = await temporaryDirectory()
  const recorder = new Recorder()
  await scanning(root.path, recorder)
  expect(recorder.types()).toEqual(['scan.started', 'scan.completed'])
  expect(recorder.data('scan.completed')).toMatchObject([{ files_found: 0, error_count: 0 }])
})

test('fails when the directory is missing or is a file', async () => {
  await using root = await directoryOf(1)
  for (const [name, code] of [
    ['missing', 'ENOENT'],
    ['0.mp3', 'ENOTDIR'],
  ] as const) {
    const recorder = new Recorder()
    const report = await scanning(join(root.path, name), recorder)
    expect(recorder.types()).toEqual(['scan.started', 'scan.failed'])
    expect(recorder.data('scan.failed')).toMatchObject([
      { error: expect.stringContaining(code), files_found: 0 },
    ])
    expect(report.failure).toContain(code)
  }
})

test('warns about files that vanish or are replaced after they were seen, and continues', async () => {
  await using root = await directoryOf(8)
  // The first published file removes four of the others, which the walk has already seen.
  const seen = new Recorder((event) => {
    if (event.type !== 'media.file.found' || seen.data('media.file.found').length > 0) return
    const others = readdirSync(root.path).filter((name) => !String(event.data?.path).endsWith(`/${name}`))
    for (const name of others.slice(0, 4)) rmSync(join(root.path, name))
    makeFifo(join(root.path, others[0] ?? ''))
    mkdirSync(join(root.path, others[1] ?? ''))
  })
  let nowMs = 0
  const report = await scanning(root.path, seen, { concurrency: 1, now: () => (nowMs += 1_000) })
  expect(report).toMatchObject({ found: 8, published: 4, errors: 4 })
  const codes = seen.data('warning').map(({ code }) => code)
  expect(codes.sort()).toEqual(['CHANGED', 'CHANGED', 'ENOENT', 'ENOENT'])
  expect(seen.data('scan.completed')).toMatchObject([{ files_found: 8, files_processed: 4, error_count: 4 }])
  expect(seen.data('scan.progress').at(-1)).toMatchObject({
    progress: 100,
    files_processed: 4,
    error_count: 4,
  })
})

test('does not mention a file that vanishes before it is reached', async () => {
  await using root = await directoryOf(40)
  mkdirSync(join(root.path, 'later'))
  writeFileSync(join(root.path, 'later/file'), '')
  const recorder = new Recorder(({ type }) => {
    if (type === 'media.file.found') rmSync(join(root.path, 'later/file'), { force: true })
  })
  await scanning(root.path, recorder, { concurrency: 1 })
  expect(recorder.data('scan.progress')[0]).toMatchObject({ files_found: 41 })
  expect(recorder.data('scan.completed')).toMatchObject([{ files_found: 40, error_count: 0 }])
})

test('reports progress at most ten times a second, never decreasing', async () => {
  await using root = await directoryOf(500)
  let nowMs = 0
  const times: number[] = []
  const recorder = new Recorder((event) => {
    if (event.type === 'media.file.found') nowMs += 7
    if (event.type === 'scan.progress') times.push(nowMs)
  })
  const shown: number[] = []
  await scanning(root.path, recorder, {
    concurrency: 3,
    now: () => nowMs,
    onProgress: ({ progress }) => shown.push(progress),
  })
  expect(times.length).toBeGreaterThan(30)
  for (const [i, time] of times.entries()) expect(time - (times[i - 1] ?? -100)).toBeGreaterThanOrEqual(100)
  const percents = recorder.data('scan.progress').map(({ progress }) => Number(progress))
  expect(percents).toEqual(percents.toSorted((a, b) => a - b))
  expect(percents.at(0)).toBeLessThan(5)
  expect(percents.at(-1)).toBeGreaterThan(95)
  expect(shown).toEqual(percents)
  for (const data of recorder.data('scan.progress'))
    expect(data).toMatchObject({ library_id: 5, files_found: 500 })
})

test('never has two progress events in flight, so that none overtakes another', async () => {
  await using root = await directoryOf(50)
  let nowMs = 0
  let underWay = 0
  const recorder = new Recorder(async ({ type }) => {
    nowMs += 1_000
    if (type !== 'scan.progress') return
    expect(++underWay).toBe(1)
    await new Promise(setImmediate)
    underWay--
  })
  const report = await scanning(root.path, recorder, { now: () => nowMs })
  expect(report.failure).toBeUndefined()
  expect(recorder.data('scan.progress').length).toBeGreaterThan(1)
})

test('waits for its publisher: never has more files in progress than configured', async () => {
  await using root = await directoryOf(40)
  const gate = Promise.withResolvers<void>()
  let underWay = 0
  let most = 0
  const recorder = new Recorder(async ({ type }) => {
    if (type !== 'media.file.found') return
    most = Math.max(most, ++underWay)
    await gate.promise
    underWay--
  })
  const report = scanning(root.path, recorder, { concurrency: 4 })
  await vi.waitUntil(() => underWay === 4)
  gate.resolve()
  expect(await report).toMatchObject({ published: 40 })
  expect(most).toBe(4)
})

test('an interruption lets files in progress be published, and fails the scan', async () => {
  await using root = await directoryOf(100)
  const controller = new AbortController()
  const recorder = new Recorder(({ type }) => {
    if (type === 'media.file.found' && recorder.data(type).length === 9) controller.abort()
  })
  const report = await scanning(root.path, recorder, { concurrency: 4, signal: controller.signal })
  const published = recorder.data('media.file.found').length
  // The one that caused the interruption, and up to three beside it.
  expect(published).toBeGreaterThanOrEqual(10)
  expect(published).toBeLessThanOrEqual(13)
  expect(recorder.types().at(-1)).toBe('scan.failed')
  expect(recorder.data('scan.failed')).toMatchObject([{ error: 'interrupted', files_processed: published }])
  expect(report).toMatchObject({ failure: 'interrupted', published })
})

test('a refused event fails the scan, once the files in progress have ended', async () => {
  await using root = await directoryOf(100)
  let attempts = 0
  const recorder = new Recorder(async ({ type }) => {
    const refuse = type === 'media.file.found' && ++attempts === 6
    await new Promise(setImmediate)
    if (refuse) throw new Error('no more')
  })
  const report = await scanning(root.path, recorder, { concurrency: 4 })
  expect(report.failure).toBe('no more')
  expect(recorder.types().at(-1)).toBe('scan.failed')
  expect(recorder.data('media.file.found')).toHaveLength(report.published)
  expect(attempts).toBe(report.published + 1)
  // Up to three were in progress beside the refused one.
  expect(attempts).toBeLessThanOrEqual(9)
})

test('rejects if not even its start can be published', async () => {
  await using root = await directoryOf(1)
  const recorder = new Recorder(() => {
    throw new Error('nobody there')
  })
  await expect(scanning(root.path, recorder)).rejects.toThrow('nobody there')
})
