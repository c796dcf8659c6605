import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'

const DOCS = new URL('../../../../docs/proxies.md', import.meta.url)

/** Debian puts it where only root looks for programs. */
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`

/** @throws Error that says what to install */
export function requireProgram(name: string, ...args: readonly string[]): void {
  try {
    execFileSync(name, args, { env: { ...process.env, PATH }, stdio: 'ignore' })
  } catch (cause) {
    throw new Error(`${name} is not installed: apt-get install nginx openssl`, { cause })
  }
}

/** nginx with the configuration that docs/proxies.md shows, on free ports. */
export class Nginx {
  readonly #folder: string
  #process: ChildProcess | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** @param folder is empty, and nginx writes nowhere else */
  static async start(folder: string, upstream: string, ports: NginxPorts): Promise<Nginx> {
    mkdirSync(path.join(folder, 'logs'))
    makeCertificate(folder)
    writeFileSync(path.join(folder, 'nginx.conf'), configuration(upstream, ports))
    const nginx = new Nginx(folder)
    nginx.resume()
    return nginx
  }

  resume(): void {
    const args = ['-p', this.#folder, '-c', 'nginx.conf', '-e', 'logs/error.log']
    this.#process = spawn('nginx', args, { env: { ...process.env, PATH }, stdio: 'inherit' })
  }

  /** Ends it, and with it all connections. */
  async stop(): Promise<void> {
    const running = this.#process
    if (running === undefined || running.exitCode !== null) return
    const closed = once(running, 'close')
    running.kill('SIGTERM')
    await closed
  }
}

export interface NginxPorts {
  readonly tls: number
  readonly plain: number
  /** Where nginx is told nothing but whom to ask. */
  readonly bare: number
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function configuration(upstream: string, { tls, plain, bare }: NginxPorts): string {
  const [whole = '', below = ''] = [...readFileSync(DOCS, 'utf8').matchAll(/```nginx\n(.*?)```/gs)].map(
    ([, text = '']) => text,
  )
  const start = whole.indexOf('\nserver {')
  const server = replaced(whole.slice(start), '    location / {', `${below}\n    location / {`)
  const shared = replaced(whole.slice(0, start), '127.0.0.1:8080', upstream)
  const encrypted = replaced(
    replaced(server, '443 ssl', `127.0.0.1:${tls} ssl`),
    '/etc/ssl/media.example.',
    'media.example.',
  )
  // Its workers would else be of a user that may not write to the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `daemon off; ${user} worker_processes 1; pid nginx.pid;
    events {}
    http {
      access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`).join(' ')}
      ${shared}
      ${encrypted}
      ${server.replace(/listen.*/, `listen 127.0.0.1:${plain};`).replaceAll(/ssl_.*/g, '')}
      server { listen 127.0.0.1:${bare}; location / { proxy_pass http://${upstream}; } }
    }`
}

/** Also tells when the document no longer has what is to be replaced. */
function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`docs/proxies.md has no '${from}' where it is expected`)
  return text.replaceAll(from, to)
}

function makeCertificate(folder: string): void {
  const files = ['-keyout', 'media.example.key', '-out', 'media.example.crt']
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ]
  execFileSync('openssl', [...args, ...files, '-subj', '/CN=media.example'], { cwd: folder, stdio: 'ignore' })
}
