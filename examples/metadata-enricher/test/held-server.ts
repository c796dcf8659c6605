import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { EventBus, EventInput } from '@viewra/events-core'
import { onTestFinished } from 'vitest'

/**
 * Starts a stand-in for the event server: it stores the events sent to it, and delays each for as long as the test wants.
 * Returns its address.
 */
export async function heldServer(
  bus: EventBus,
  before: (event: EventInput) => Promise<void>,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const event: EventInput = JSON.parse(await text(request))
    await before(event)
    await bus.publish(event)
    response.writeHead(201).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}
