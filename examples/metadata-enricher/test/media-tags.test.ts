import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MediaFault } from '../src/media-fault.ts'
import { readTags } from '../src/media-tags.ts'
import { FORMATS } from './media-files.ts'
import { temporaryDirectory } from './temporary-directory.ts'

async function readBack(name: string, content: Uint8Array) {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, name)
  writeFileSync(path, content)
  return await readTags(path)
}

test.each([
  ['wav', { container: 'WAVE', sampleRate: 8_000, track: { no: 7, of: null } }],
  ['flac', { container: 'FLAC', lossless: true, duration: 1, track: { no: 7, of: null } }],
  ['mp3', { container: 'MPEG', sampleRate: 44_100, track: { no: 7, of: null } }],
  ['mp4', { hasAudio: false, hasVideo: false }],
] as const)('reads the tags of %s files', async (format, others) => {
  const tags = { title: 'Für Élise', artist: 'Beethoven', track: 7 }
  expect(await readBack(`a.${format}`, FORMATS[format](tags))).toEqual({
    title: 'Für Élise',
    metadata: expect.objectContaining({ artist: 'Beethoven', ...others }),
  })
})

test('reads titles in any script', async () => {
  for (const format of ['flac', 'mp3', 'mp4'] as const) {
    const title = '千と千尋の神隠し – Унесённые призраками 🎬'
    expect(await readBack(`a.${format}`, FORMATS[format]({ title }))).toMatchObject({ title })
  }
})

test('a file without tags has the properties of its format and no title', async () => {
  const { title, metadata } = await readBack('a.flac', FORMATS.flac({}))
  expect(title).toBeUndefined()
  expect(metadata).toMatchObject({ container: 'FLAC', sampleRate: 44_100 })
  expect(metadata).not.toHaveProperty('track')
})

test('a title of only spaces counts as none', async () => {
  expect(await readBack('a.mp3', FORMATS.mp3({ title: '  ' }))).not.toHaveProperty('title')
})

test('a format without a reader has no tags', async () => {
  const avi = Buffer.concat([Buffer.from('RIFF\0\x01\0\0AVI LIST'), Buffer.alloc(500)])
  expect(await readBack('film.avi', avi)).toEqual({ metadata: {} })
  expect(await readBack('list.m3u', Buffer.from('#EXTM3U\na.mp3\n'))).toEqual({ metadata: {} })
})

test.each([
  ['a text file named a.flac', 'a.flac', Buffer.from('la la la')],
  ['an ID3 tag that is longer than its file', 'a.mp3', Buffer.from('ID3\x04\0\0\0\0\x7f\x7f TIT2')],
  ['a text file named a.mp3', 'a.mp3', Buffer.from('la la la\n'.repeat(100))],
  ['an empty WAV file', 'a.wav', Buffer.alloc(0)],
  ['an empty FLAC file', 'a.flac', Buffer.alloc(0)],
  ['an MKV file of zeros', 'a.mkv', Buffer.alloc(10_000)],
  ['an MP4 file of zeros', 'a.mp4', Buffer.alloc(10_000)],
  ['an MP4 box that is longer than its file', 'a.mp4', FORMATS.mp4({ title: 'Psycho' }).subarray(0, -4)],
])('%s is damaged', async (_, name, content) => {
  const fault = await readBack(name, content).catch((error: unknown) => error)
  expect(fault).toBeInstanceOf(MediaFault)
  expect(fault).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(name) })
})

test('a missing file, or one whose directory has become a file, is reported as gone', async () => {
  await using directory = await temporaryDirectory()
  writeFileSync(join(directory.path, 'file'), '')
  for (const path of ['missing.mp3', 'missing/a.mp3', 'file/a.mp3']) {
    await expect(readTags(join(directory.path, path))).rejects.toMatchObject({ code: 'GONE' })
  }
})

test('only regular files are opened', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'a.mp3')
  mkdirSync(path)
  await expect(readTags(path)).rejects.toMatchObject({ name: 'MediaFault', code: 'NOT_A_FILE' })
})

test('a file system error that may be temporary is thrown unchanged', async () => {
  const name = `${'x'.repeat(300)}.mp3`
  const error: unknown = await readTags(join('/', name)).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'ENAMETOOLONG', syscall: 'stat' })
  expect(error).not.toBeInstanceOf(MediaFault)
})
