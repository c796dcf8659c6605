import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { pathMatcher } from '../../http/path-matcher.ts'

/** Shared by all copies of this package, because one app may have modules from several. */
const HEAD = Symbol.for('@viewra/events-module/upgrade-head')
const IS_OURS = Symbol.for('@viewra/events-module/upgrade-listener')
/** @fastify/websocket marks with it the requests that it passes to the app. */
const PLUGIN_MARK = 'ws-socket'

interface UpgradeRequest extends IncomingMessage {
  /** The bytes after the request's head; set for requests that ask for an upgrade. */
  [HEAD]?: Buffer
}

/** Returns the bytes after the head of a request that asks for an upgrade; undefined for any other request. */
export function upgradeHead(request: IncomingMessage): Buffer | undefined {
  return (request as UpgradeRequest)[HEAD] // Set below, or not at all.
}

export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

/**
 * Has the app answer requests that ask for an upgrade, of which Node answers none as soon as somebody listens for them. Its
 * router decides which route takes one. When others listen too, the request is handed to it once at most: @fastify/websocket
 * does so with every request, and any other library answers only its own paths, so that it is left all but ours.
 * @param url of the WebSocket's route, with its variables
 */
export function takeUpgrades(app: FastifyInstance, url: string): void {
  const isOurPath = pathMatcher(url, app.initialConfig)
  const onUpgrade = (request: UpgradeRequest, socket: Socket, head: Buffer): void => {
    const others = app.server.listeners('upgrade').some((listener) => !(IS_OURS in listener))
    // Another module of the same app may have seen it before.
    const isNew = request[HEAD] === undefined
    request[HEAD] ??= head
    if (!others) {
      if (isNew) answer(app, request, socket)
      return
    }
    const path = request.url?.split('?', 1).join() ?? ''
    if (!isOurPath(path) || app.hasDecorator('websocketServer')) return
    // The plugin may listen after us, and in a part of the app whose decorators are not seen from here.
    process.nextTick(() => {
      if (!isWithPlugin(request)) answer(app, request, socket)
    })
  }
  // In front, because the others may hand the request to the app.
  app.server.prependListener('upgrade', Object.assign(onUpgrade, { [IS_OURS]: true }))
  app.addHook('onClose', async () => {
    app.server.off('upgrade', onUpgrade)
  })
}

function isWithPlugin(request: IncomingMessage): boolean {
  return Object.getOwnPropertySymbols(request).some(({ description }) => description === PLUGIN_MARK)
}

function answer(app: FastifyInstance, request: UpgradeRequest, socket: Socket): void {
  if (asksForWebSocket(request)) dispatch(app, request, socket)
  else giveBack(app, request, socket)
}

function dispatch(app: FastifyInstance, request: UpgradeRequest, socket: Socket): void {
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  // The HTTP parser has let the connection go, so nobody else would close it.
  response.once('finish', () => socket.destroySoon())
  response.assignSocket(socket)
  app.routing(request, response)
}

/** About the connection, which goes on as if no upgrade had been asked for. */
const DROPPED: ReadonlySet<string> = new Set(['upgrade', 'http2-settings', 'connection'])

/**
 * Has the server read a request again that asks for another protocol, without that wish: the parser has stopped behind its
 * head, and its body is still to come. Java's HTTP client asks for HTTP/2 with its first request of every connection.
 */
function giveBack({ server }: FastifyInstance, request: UpgradeRequest, socket: Socket): void {
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value] = rawHeaders.slice(index, index + 2)
    if (!DROPPED.has(name.toLowerCase())) lines.push(`${name}: ${value}`)
  }
  const text = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  socket.unshift(Buffer.concat([text, request[HEAD] ?? Buffer.alloc(0)]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
