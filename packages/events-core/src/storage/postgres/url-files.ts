import { statSync } from 'node:fs'

const FILES = ['sslrootcert', 'sslcert', 'sslkey']

/** The driver reads the files that a URL names when it is created, and would wait forever for a pipe without a writer. */
export function urlFileProblem(url: string): string | undefined {
  const parameters = new URLSearchParams(url.split('?')[1])
  const wrong = FILES.find((name) => {
    const file = parameters.get(name)
    return file !== null && statSync(file, { throwIfNoEntry: false })?.isFile() === false
  })
  return wrong === undefined ? undefined : `must name a regular file as ${wrong}`
}
