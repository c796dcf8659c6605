import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { startServer } from './server-process.ts'

const MEMORY = { VIEWRA_EVENTS_DATABASE_URL: 'memory:' }
const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
const post = (headers: string) =>
  `POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n`

/** What is sent, byte by byte, and what comes back until the server hangs up. */
async function exchange(url: string, request: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
  socket.setEncoding('utf8').write(Buffer.from(request, 'latin1'))
  let text = ''
  socket.on('data', (part: string) => {
    text += part
    // One answer is all there is; a connection that the server would keep open ends here.
    if (/\r\n\r\n.*\}$/s.test(text)) socket.end()
  })
  await once(socket, 'close')
  return text
}

const REFUSED = [
  ['a path that cannot be decoded', get('/api/v1/events/%E0%A4%A'), 400, 'FST_ERR_BAD_URL'],
  ['such a path outside of the API', get('/%zz'), 400, 'FST_ERR_BAD_URL'],
  [
    'headers that are too large',
    get('/healthz', `x: ${'x'.repeat(20_000)}\r\n`),
    431,
    'HTTP_HEADERS_TOO_LARGE',
  ],
  ['a path that is too long', get(`/${'x'.repeat(20_000)}`), 431, 'HTTP_HEADERS_TOO_LARGE'],
  ['bytes in a path that are no ASCII', get('/api/v1/events/\xff'), 400, 'HTTP_MALFORMED'],
  ['a line that is no request', 'hello\r\n\r\n', 400, 'HTTP_MALFORMED'],
  [
    'two lengths',
    `${post('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n')}2\r\n{}\r\n0\r\n\r\n`,
    400,
    'HTTP_MALFORMED',
  ],
  ['a header name with a blank', get('/healthz', 'x y: 1\r\n'), 400, 'HTTP_MALFORMED'],
] as const

test('what never reaches a route is answered with a problem', async () => {
  const { url } = await startServer(MEMORY)
  for (const [name, request, status, code] of REFUSED) {
    const answer = await exchange(url, request)
    expect(answer, name).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer.toLowerCase(), name).toContain('content-type: application/problem+json')
    const [, body = ''] = answer.split('\r\n\r\n')
    const type = code.startsWith('HTTP_') ? `urn:viewra:problem:${code}` : 'about:blank'
    expect(JSON.parse(body), name).toMatchObject({ status, code, type })
  }
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('a subscription whose name is as long as it may be is found by it', async () => {
  const { url } = await startServer(MEMORY)
  const path = `/api/v1/events/subscriptions/${'x'.repeat(128)}/pause`
  const answer = await fetch(url + path, { method: 'POST' })
  expect(await answer.json()).toMatchObject({ status: 404, code: 'EVENTS_NOT_FOUND' })
})
