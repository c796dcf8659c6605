import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const URL_OF_REPOSITORY = 'https://github.com/viewra/viewra-events'
const LINK = /\]\(([^)\s]+)\)/g

function linksIn(readme: string): string[] {
  const text = readFileSync(path.join(ROOT, readme), 'utf8')
  return [...text.matchAll(LINK)].map(([, target = '']) => target)
}

describe.each(readdirSync(path.join(ROOT, 'packages')))('the package %s', (name) => {
  const directory = `packages/${name}`

  test('names its repository and where to report bugs', () => {
    const manifest = JSON.parse(readFileSync(path.join(ROOT, directory, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({
      homepage: `${URL_OF_REPOSITORY}/tree/main/${directory}#readme`,
      repository: { type: 'git', url: `git+${URL_OF_REPOSITORY}.git`, directory },
      bugs: `${URL_OF_REPOSITORY}/issues`,
    })
  })

  test('has a README whose links work on npm too, where no other file is beside it', () => {
    const prefix = `${URL_OF_REPOSITORY}/blob/main/`
    for (const link of linksIn(`${directory}/README.md`)) {
      expect(link).toMatch(/^(https:|#)/)
      if (!link.startsWith(prefix)) continue
      const [file = ''] = link.slice(prefix.length).split('#')
      expect(existsSync(path.join(ROOT, file)), link).toBe(true)
    }
  })
})

test('file links in the README lead to files that exist', () => {
  for (const link of linksIn('README.md').filter((one) => !/^(\w+:|#)/.test(one))) {
    const [file = ''] = link.split('#')
    expect(existsSync(path.join(ROOT, file)), link).toBe(true)
  }
})
