// Packs the packages as they would be published and checks what users would get.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from './setup/build.mjs'
import { install } from './setup/install.mjs'
import { pnpm, ROOT } from './setup/pnpm.mjs'

const FILES = /^package\/(package\.json|README\.md|LICENSE|dist\/.+)$/
const NEEDED = ['package/package.json', 'package/README.md', 'package/LICENSE']
/** A module specifier as a bundler writes it. */
const IMPORT = /^(?:import |.* from )"([^."][^"]*)";$/gm
/** In bytes: a package's code is larger than Node's default output buffer. */
const MAX_OUTPUT = 16 * 1024 * 1024
const UNPUBLISHABLE = /"(workspace|catalog):[^"]*"/g

await install()
await build()
const folder = mkdtempSync(path.join(tmpdir(), 'viewra-events-packages-'))
try {
  await pnpm('Packing…', ['-r', '--filter', './packages/*', 'pack', '--pack-destination', folder])
  const failures = readdirSync(folder).flatMap((name) => check(path.join(folder, name)))
  for (const failure of failures) console.error(failure)
  process.exitCode = failures.length > 0 ? 1 : 0
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function check(tarball) {
  const name = path.basename(tarball)
  const files = run('tar', ['-tzf', tarball]).split('\n').filter(Boolean)
  const manifest = run('tar', ['-xzOf', tarball, 'package/package.json'])
  const failures = [
    ...files.filter((file) => !FILES.test(file)).map((file) => `has ${file}, which no user needs`),
    ...NEEDED.filter((file) => !files.includes(file)).map((file) => `lacks ${file}`),
    ...(manifest.match(UNPUBLISHABLE) ?? []).map(
      (range) => `depends on ${range}, which exists only in this workspace`,
    ),
    ...foreignImports(tarball, files, JSON.parse(manifest)).map(
      (found) => `imports ${found} without depending on it`,
    ),
    ...tool('publint', ['run', tarball, '--strict']),
    ...tool('attw', [tarball, '--profile', 'esm-only']),
  ]
  if (failures.length === 0) console.log(`${name}: ${files.length} files, ok`)
  return failures.map((failure) => `${name} ${failure}`)
}

/** Returns packages that the code imports and a user would not have. */
function foreignImports(tarball, files, { name, dependencies, peerDependencies }) {
  const known = new Set([name, ...Object.keys({ ...dependencies, ...peerDependencies })])
  const code = run('tar', ['-xzOf', tarball, ...files.filter((file) => file.endsWith('.js'))])
  const packages = [...code.matchAll(IMPORT)].map(([, from]) => /^(?:@[^/]+\/)?[^/]+/.exec(from)?.[0])
  return [...new Set(packages)].filter((found) => !isBuiltin(found) && !known.has(found))
}

function tool(command, args) {
  try {
    run(path.join(ROOT, 'node_modules/.bin', command), args)
    return []
  } catch (error) {
    return [`fails ${command}:\n${error.stdout}${error.stderr}`]
  }
}

function run(command, args) {
  return execFileSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
