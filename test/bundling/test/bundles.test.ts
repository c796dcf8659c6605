import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import * as vite from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import webpack from 'webpack'
import { installPackage, link } from './install.ts'

const SERVICES = fileURLToPath(new URL('../services/', import.meta.url))
const MODULES = fileURLToPath(new URL('../node_modules/', import.meta.url))
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
/** The driver has a native part. PostgreSQL's driver is not installed, and nothing loads it. */
const EXTERNAL = ['better-sqlite3']
const WORKER = '@viewra/events-core/sqlite-worker'
const STARTED = { stored: true, openapi: 200, drained: true }

const root = mkdtempSync(path.join(tmpdir(), 'viewra-events-bundles-'))
/** Where the service is bundled: everything but drivers and the packages behind /docs is installed. */
const project = path.join(root, 'project')

beforeAll(() => {
  installPackage('events-core', project)
  installPackage('events-module', project)
  rmSync(path.join(project, 'node_modules/@fastify/swagger-ui'))
  link(MODULES, 'fastify', project)
  for (const name of readdirSync(SERVICES)) copyFileSync(path.join(SERVICES, name), path.join(project, name))
}, 120_000)

afterAll(() => rmSync(root, { recursive: true, force: true }))

test('esbuild, with the worker as a second entry', async () => {
  const outdir = target('esbuild')
  await esbuild.build({
    entryPoints: { service: path.join(project, 'service.mjs'), 'sqlite-worker': WORKER },
    absWorkingDir: project,
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.js' },
    banner: { js: REQUIRE },
    external: EXTERNAL,
    logLevel: 'error',
  })
  expect(start(outdir, 'service.js')).toEqual(STARTED)
})

test('esbuild to CommonJS, with the option that names the worker', async () => {
  const outdir = target('esbuild-cjs')
  await esbuild.build({
    entryPoints: { service: path.join(project, 'worker-url.mjs'), 'threads/sqlite-worker': WORKER },
    absWorkingDir: project,
    outdir,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    external: EXTERNAL,
    logLevel: 'error',
  })
  expect(start(outdir, 'service.cjs')).toEqual({ drained: true })
})

test('webpack, which finds the worker by itself', { timeout: 120_000 }, async () => {
  const outdir = target('webpack')
  const stats = await runWebpack({
    mode: 'production',
    target: 'node22',
    context: project,
    entry: './service.mjs',
    output: { path: outdir, filename: 'service.cjs', chunkFilename: '[id].cjs' },
    optimization: { minimize: false },
    externals: Object.fromEntries(EXTERNAL.map((name) => [name, `commonjs ${name}`])),
  })
  expect(stats.toJson({ all: false, errors: true }).errors).toEqual([])
  expect(start(outdir, 'service.cjs')).toEqual(STARTED)
})

test('Vite, with the worker as a second entry', async () => {
  const outDir = target('vite')
  await vite.build({
    root: project,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: EXTERNAL },
    build: {
      ssr: true,
      outDir,
      target: 'node22',
      rolldownOptions: {
        input: { service: 'service.mjs', 'sqlite-worker': WORKER },
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  })
  expect(start(outDir, 'service.js')).toEqual(STARTED)
})

test('a bundle for PostgreSQL needs nothing from SQLite', async () => {
  const outdir = target('postgres', 'pg')
  await esbuild.build({
    entryPoints: [path.join(project, 'postgres.mjs')],
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    external: ['pg'],
    logLevel: 'error',
  })
  expect(start(outdir, 'postgres.mjs')).toEqual({ code: 'EVENTS_STORAGE_UNAVAILABLE' })
})

test('the error names what is missing', { timeout: 120_000 }, () => {
  expect(failure(project, 'service.mjs')).toContain('install the package better-sqlite3')
  link(MODULES, 'better-sqlite3', project)
  expect(failure(project, 'service.mjs', 'docs')).toContain('@fastify/swagger-ui, which cannot be loaded')
  const bundle = path.join(root, 'esbuild')
  rmSync(path.join(bundle, 'sqlite-worker.js'))
  const said = failure(bundle, 'service.js')
  expect(said).toMatch(/program is missing .*sqlite-worker\.js.*see docs\/bundling\.md/)
  expect(said).not.toContain('better-sqlite3')
})

/** Creates a folder for a bundle that contains only the driver: anything the bundle lacks cannot be found elsewhere. */
function target(name: string, driver = 'better-sqlite3'): string {
  const folder = path.join(root, name)
  mkdirSync(folder)
  link(MODULES, driver, folder)
  return folder
}

function start(folder: string, file: string): unknown {
  return JSON.parse(execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' }))
}

/** Returns the message of the error that ends a service. */
function failure(folder: string, ...args: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  expect(status).toBe(1)
  return /Error: (.*)/.exec(stderr)?.[1] ?? stderr
}

function runWebpack(options: webpack.Configuration): Promise<webpack.Stats> {
  return new Promise((resolve, reject) => {
    webpack(options, (error, stats) => (stats === undefined ? reject(error) : resolve(stats)))
  })
}
