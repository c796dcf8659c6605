import { connect } from 'node:net'
import type pg from 'pg'

/** https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-CANCELREQUEST */
const CANCEL_REQUEST = 80_877_102
const REQUEST_BYTES = 16
const TIMEOUT_MS = 1_000

/**
 * Asks the server, or the pooler in front of it, to cancel the query of a connection. The request may be refused, or arrive
 * late and cancel the connection's next query: so the connection must not be used again.
 */
export function requestCancel(client: pg.PoolClient): void {
  // The driver's types lack these properties.
  const processId: unknown = Reflect.get(client, 'processID')
  const secretKey: unknown = Reflect.get(client, 'secretKey')
  if (typeof processId !== 'number' || typeof secretKey !== 'number') return
  const request = Buffer.alloc(REQUEST_BYTES)
  for (const [index, value] of [REQUEST_BYTES, CANCEL_REQUEST, processId, secretKey].entries())
    request.writeInt32BE(value, index * 4)
  const { host, port } = client
  const socket = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port })
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.resume().end(request)
}
