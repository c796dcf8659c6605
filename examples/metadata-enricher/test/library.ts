import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FORMATS } from './media-files.ts'

export interface Library {
  readonly root: string
  /** The title of every media file, by path. */
  readonly titles: ReadonlyMap<string, string>
}

const MAKERS = Object.entries(FORMATS)
const ALBUM_FILES = 50

/** Creates albums of songs and films with tags, and among them two files that are not media. */
export function writeLibrary(root: string, files: number): Library {
  const titles = new Map<string, string>()
  for (let file = 0; file < files; file++) {
    const album = join(root, `Album ${Math.floor(file / ALBUM_FILES)}`)
    mkdirSync(album, { recursive: true })
    const [ending, make] = MAKERS[file % MAKERS.length] ?? ['wav', FORMATS.wav]
    const path = join(album, `${file}.${ending}`)
    const title = `Naïve Melody no. ${file}`
    writeFileSync(path, make({ title, artist: 'Talking Heads' }))
    titles.set(path, title)
  }
  for (const name of ['cover.jpg', 'notes.txt']) writeFileSync(join(root, name), name)
  return { root, titles }
}
