import { CLIENT_MESSAGES, SERVER_MESSAGES } from './messages.ts'

/** Of the protocol, not of this package: it goes up when messages change in a way that clients notice. */
const PROTOCOL_VERSION = '1.0.0'
const CHANNEL = '#/channels/events'

/**
 * The protocol of the socket as an AsyncAPI 3 document, made of the very schemas by which messages are checked.
 * @param path of the socket on this server
 */
export function asyncApiDocument(path: string): object {
  const clientTypes = Object.keys(CLIENT_MESSAGES)
  const serverTypes = Object.keys(SERVER_MESSAGES)
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Viewra events over WebSocket',
      version: PROTOCOL_VERSION,
      description: 'One socket, many subscriptions. Every message is one text frame with one JSON object.',
    },
    defaultContentType: 'application/json',
    channels: {
      events: {
        address: path,
        title: 'The socket',
        messages: Object.fromEntries(
          [...clientTypes, ...serverTypes].map((type) => [type, { $ref: `#/components/messages/${type}` }]),
        ),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
      },
    },
    operations: {
      fromClient: operation('receive', 'What a client may send.', clientTypes),
      toClient: operation('send', 'What the server sends.', serverTypes),
    },
    components: {
      messages: Object.fromEntries(
        Object.entries({ ...CLIENT_MESSAGES, ...SERVER_MESSAGES }).map(([name, { summary, schema }]) => [
          name,
          { name, summary, contentType: 'application/json', payload: schema },
        ]),
      ),
    },
  }
}

function operation(action: 'send' | 'receive', summary: string, types: readonly string[]): object {
  return {
    action,
    summary,
    channel: { $ref: CHANNEL },
    messages: types.map((type) => ({ $ref: `${CHANNEL}/messages/${type}` })),
  }
}
