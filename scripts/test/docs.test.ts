import { existsSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { withTable } from '../docs/markdown.ts'
import { generatedPages } from '../docs/pages.ts'

const ROOT = new URL('../../', import.meta.url)

test('the reference pages and the table of routes are up to date; else run `npm run docs`', async () => {
  for (const { file, text } of await generatedPages())
    expect(await readFile(file, 'utf8'), path.basename(file.pathname)).toBe(text)
})

test('a table is replaced as a whole, and nothing else is', () => {
  const page = 'a\n\n| X | 1 |\n|---|---|\n| y | 2 |\n\n| Z | 3 |\n'
  expect(withTable(page, 'X', '| X | 9 |\n')).toBe('a\n\n| X | 9 |\n\n| Z | 3 |\n')
  expect(() => withTable(page, 'W', '')).toThrow(/no table/)
})

/** The text of every Markdown file of the project, by its path. */
async function markdownFiles(): Promise<ReadonlyMap<string, string>> {
  const exclude = (name: string) => /^(node_modules|dist|\..*)$/.test(path.basename(name))
  const names = await Array.fromAsync(glob('**/*.md', { cwd: fileURLToPath(ROOT), exclude }))
  const texts = names.map(async (name) => [name, await readFile(new URL(name, ROOT), 'utf8')] as const)
  return new Map(await Promise.all(texts))
}

test('links between the pages lead to files and headings that exist', async () => {
  const pages = await markdownFiles()
  const broken = Array.from(pages).flatMap(([name, text]) =>
    linksOf(name, text).filter(({ target, anchor }) => {
      if (anchor === undefined) return !existsSync(new URL(target, ROOT))
      return !anchorsOf(pages.get(target) ?? '').has(anchor)
    }),
  )
  expect(broken).toEqual([])
})

interface Link {
  readonly from: string
  /** The path of a file or folder of the project. */
  readonly target: string
  readonly anchor: string | undefined
}

/** Returns the links to files of the project, relative or by their address on GitHub. */
function linksOf(from: string, text: string): readonly Link[] {
  const links = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link)
  return links.flatMap((link) => {
    const inside = link.replace('https://github.com/viewra/viewra-events/blob/main/', '/')
    if (/^[a-z]+:/.test(inside)) return []
    const [file = '', anchor] = inside.split('#')
    const relative = file.startsWith('/') ? file.slice(1) : path.posix.join(path.posix.dirname(from), file)
    return [{ from, target: file === '' ? from : relative, anchor }]
  })
}

/** Returns the anchors that GitHub derives from a page's headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading = '']) => heading.toLowerCase())
  return new Set(
    headings.map((heading) => heading.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')),
  )
}
