import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { HttpError } from '../problem.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether an address, as sockets give it, is of this machine alone. */
function isLoopback(address: string): boolean {
  // What nearly all requests have; the list costs more than all else that is looked at here.
  if (address === '127.0.0.1' || address === '::1') return true
  const family = isIP(address)
  return family !== 0 && loopback.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Lets only programs of this machine in, and no page of another site that runs in a browser here: it would have the
 * browser send a request to us (cross-site post), or have its own name lead to this machine (DNS rebinding).
 * @throws HttpError HTTP_FORBIDDEN
 */
export function requireLocal(request: FastifyRequest, corsOrigins: readonly string[]): void {
  if (!comesFromHere(request)) throw forbidden('without tokens only programs of its own machine are served')
  const proxy = signOfProxy(request)
  if (proxy !== undefined) throw forwarded(proxy)
  if (!asksForHere(request))
    throw forbidden('without tokens it answers to the host localhost only, whatever name leads here')
  requireOwnOrigin(request, corsOrigins)
}

/** Returns whether a request is from a program of this machine, or a page that this machine serves itself. */
export function isLocal(request: FastifyRequest): boolean {
  return (
    comesFromHere(request) &&
    signOfProxy(request) === undefined &&
    asksForHere(request) &&
    isOwnOrigin(request)
  )
}

/**
 * Refuses requests that a page of another origin has the browser send.
 * @throws HttpError HTTP_FORBIDDEN
 */
export function requireOwnOrigin(request: FastifyRequest, corsOrigins: readonly string[]): void {
  const { origin } = request.headers
  if ((origin !== undefined && corsOrigins.includes(origin)) || isOwnOrigin(request)) return
  throw forbidden('pages of other origins are not served unless corsOrigins names them')
}

/** Of a trusted proxy's request, host and protocol are those by which the browser asked the proxy. */
function isOwnOrigin({ headers, protocol, host }: FastifyRequest): boolean {
  const { origin } = headers
  const isOwn = origin === undefined || isOriginOf(origin, `${protocol}://${host}`)
  const site = headers['sec-fetch-site']
  // Browsers leave Origin out of some requests, and say in this header where those come from.
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none'
  return isOwn && isOwnSite
}

/** Proxies may name the port even if it is the protocol's own, which browsers leave out. */
function isOriginOf(origin: string, url: string): boolean {
  return origin === url || origin === URL.parse(url)?.origin
}

function comesFromHere({ raw, server }: FastifyRequest): boolean {
  const { remoteAddress } = raw.socket
  if (remoteAddress !== undefined) return isLoopback(remoteAddress)
  // A Unix socket has no addresses: its file's permissions say who may use it.
  return typeof server.server.address() === 'string'
}

/** Headers in which proxies, load balancers and content networks tell for whom they ask. */
const PROXY_HEADER =
  /^(?:x-)?(?:original-)?forwarded(?:-|$)|^(?:via|cdn-loop|x-original-host)$|(?:^|-)(?:client|connecting|external|originating|real|remote|user)-?(?:ip|addr(?:ess)?)$/

/**
 * Returns by what a request shows that a proxy sent it, for whoever that may be; undefined for none. A proxy that says
 * nothing at all is not recognised, except by HTTP/1.0: nginx speaks it unless it is told otherwise, and hardly
 * anything else does.
 */
function signOfProxy({ raw }: FastifyRequest): string | undefined {
  if (raw.httpVersionMajor === 1 && raw.httpVersionMinor === 0) return 'HTTP/1.0'
  for (const name in raw.headers) if (PROXY_HEADER.test(name)) return name
  return undefined
}

/** A host that needs no parsing to be known as one of this machine. */
const USUAL_HOST = /^(?:localhost|127\.0\.0\.1)(?::\d{1,4})?$/

/** HTTP/2 names the host in `:authority`; where a client gives both, both must be local. */
function asksForHere({ raw: { headers } }: FastifyRequest): boolean {
  const { host, ':authority': authority } = headers
  if (host !== undefined && !isLocalHost(host)) return false
  return authority === undefined ? host !== undefined : isLocalHost(String(authority))
}

function isLocalHost(host: string): boolean {
  if (USUAL_HOST.test(host)) return true
  const name = URL.parse(`http://${host}`)?.hostname ?? ''
  return name === 'localhost' || isLoopback(name.replace(/^\[(.*)\]$/, '$1'))
}

function forwarded(sign: string): HttpError {
  return forbidden(
    `without tokens only programs of its own machine are served, and a proxy has forwarded this request (${sign}): ` +
      'give the module `tokens` or `authorize`, and the event server VIEWRA_EVENTS_TOKENS_FILE and VIEWRA_EVENTS_TRUST_PROXY',
  )
}

function forbidden(message: string): HttpError {
  return new HttpError('HTTP_FORBIDDEN', message)
}
