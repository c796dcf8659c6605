import { STREAMING } from '../../feature.ts'
import { Components, type Json } from '../../http/openapi/components.ts'
import type { Authentication } from '../../http/openapi/operation.ts'
import { CLIENT_MESSAGES, SERVER_MESSAGES } from './messages.ts'

/** The version of the protocol, not of this package: it is raised when messages change in a way that clients notice. */
const PROTOCOL_VERSION = '1.0.0'
const CHANNEL = '#/channels/events'

/** The address of the socket, as seen by the client that requests the document. */
export interface SocketAddress {
  readonly host: string
  readonly isSecure: boolean
  readonly path: string
}

const SECURITY_SCHEMES = {
  token: { type: 'http', scheme: 'bearer', description: 'A token, for clients that can set headers.' },
  ticket: {
    type: 'httpApiKey',
    in: 'query',
    name: 'ticket',
    description: 'For clients that cannot: single use, of `POST /tickets`.',
  },
}

const TICKET_QUERY = {
  type: 'object',
  properties: { ticket: { type: 'string', description: 'Of `POST /tickets`, in place of a token.' } },
}

/** Returns the protocol of the socket as an AsyncAPI 3 document, made of the very schemas by which messages are checked. */
export function asyncApiDocument(address: SocketAddress, authentication: Authentication): Json {
  const clientTypes = Object.keys(CLIENT_MESSAGES)
  const serverTypes = Object.keys(SERVER_MESSAGES)
  const components = new Components()
  const messages = messagesWith(components)
  const isOpen = authentication === 'none'
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Viewra events over WebSocket',
      version: PROTOCOL_VERSION,
      description: 'One socket, many subscriptions. Every message is one text frame with one JSON object.',
      contact: { name: 'Viewra' },
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      tags: [STREAMING],
    },
    defaultContentType: 'application/json',
    servers: { events: serverAt(address, isOpen) },
    channels: {
      events: {
        address: address.path,
        title: 'The socket',
        description: 'All messages of both directions go over it.',
        servers: [{ $ref: '#/servers/events' }],
        messages: Object.fromEntries(
          [...clientTypes, ...serverTypes].map((type) => [type, { $ref: `#/components/messages/${type}` }]),
        ),
        bindings: { ws: { method: 'GET', query: TICKET_QUERY, bindingVersion: '0.1.0' } },
      },
    },
    operations: {
      fromClient: operation('receive', 'From the client', 'What a client may send.', clientTypes),
      toClient: operation('send', 'To the client', 'What the server sends.', serverTypes),
    },
    components: {
      messages,
      schemas: components.schemas,
      ...(!isOpen && { securitySchemes: SECURITY_SCHEMES }),
    },
  }
}

function serverAt({ host, isSecure }: SocketAddress, isOpen: boolean): Json {
  const security = Object.keys(SECURITY_SCHEMES).map((name) => ({
    $ref: `#/components/securitySchemes/${name}`,
  }))
  return {
    host,
    protocol: isSecure ? 'wss' : 'ws',
    title: 'This server',
    description: 'As the client that asked for this document sees it.',
    ...(!isOpen && { security }),
  }
}

function messagesWith(components: Components): Json {
  const described = Object.entries({ ...CLIENT_MESSAGES, ...SERVER_MESSAGES }).map(
    ([name, { summary, schema }]) => {
      const title = titleOf(name)
      const payload = components.describe({ ...schema, $id: title, title })
      return [name, { name, title, summary, contentType: 'application/json', payload }]
    },
  )
  return Object.fromEntries(described)
}

/** `CaughtUpMessage` of `caught_up`. */
function titleOf(type: string): string {
  const words = type.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1))
  return `${words.join('')}Message`
}

function operation(
  action: 'send' | 'receive',
  title: string,
  description: string,
  types: readonly string[],
): Json {
  return {
    action,
    title,
    summary: description,
    description,
    channel: { $ref: CHANNEL },
    messages: types.map((type) => ({ $ref: `${CHANNEL}/messages/${type}` })),
  }
}
