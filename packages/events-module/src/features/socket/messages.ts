import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { EventInputSchema, EventSchema } from '../../http/event-schema.ts'
import { EventFilterSchema } from '../../http/request/event-filter-schema.ts'

const closed = { additionalProperties: false } as const
const Id = Type.String({ minLength: 1, maxLength: 64, description: "The client's own name for it." })
const Cursor = Type.String({ description: '`<epoch>.<position>`: take it as it is.' })
const Credit = Type.Integer({ minimum: 1, maximum: 1_000_000_000 })

/** A message with what it is for. */
interface MessageKind<S extends TSchema> {
  readonly summary: string
  readonly schema: S
}

function message<S extends TSchema>(summary: string, schema: S): MessageKind<S> {
  return { summary, schema }
}

/** The messages that a client may send, by `type`. */
export const CLIENT_MESSAGES = {
  subscribe: message(
    'Asks for events from a place in the log on; answered with ack, or error.',
    Type.Object(
      {
        type: Type.Literal('subscribe'),
        id: Id,
        filter: Type.Optional(EventFilterSchema),
        after: Type.Optional(
          Type.String({ minLength: 1, description: 'Goes on behind this cursor, instead of `from`.' }),
        ),
        from: Type.Optional(
          Type.Union([Type.Literal('beginning'), Type.Literal('now')], {
            description: 'With all that is kept, or with what comes from now on; now by default.',
          }),
        ),
        credit: Type.Optional({
          ...Credit,
          description: 'Events that may come before more credit is given.',
        }),
      },
      closed,
    ),
  ),
  unsubscribe: message(
    'Ends a subscription; answered with ack, after which none of its events come.',
    Type.Object({ type: Type.Literal('unsubscribe'), id: Id }, closed),
  ),
  credit: message(
    'Lets a subscription that was made with credit send so many more events.',
    Type.Object({ type: Type.Literal('credit'), id: Id, n: Credit }, closed),
  ),
  publish: message(
    'Publishes an event; answered with ack once it is stored, or error.',
    Type.Object({ type: Type.Literal('publish'), id: Type.Optional(Id), event: EventInputSchema }, closed),
  ),
  ping: message(
    'Answered with pong.',
    Type.Object({ type: Type.Literal('ping'), id: Type.Optional(Id) }, closed),
  ),
} as const

const ofSubscription = { subscription: Id, cursor: Cursor }

/** The messages that the server sends, by `type`. */
export const SERVER_MESSAGES = {
  ack: message(
    'A request was done. For subscribe, `cursor` is where the subscription begins; for publish, the event is stored.',
    Type.Object(
      {
        type: Type.Literal('ack'),
        request: Type.Union([
          Type.Literal('subscribe'),
          Type.Literal('unsubscribe'),
          Type.Literal('publish'),
        ]),
        id: Type.Optional(Id),
        cursor: Type.Optional(Cursor),
        event_id: Type.Optional(Type.String()),
        position: Type.Optional(Type.Integer()),
        duplicate: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
  ),
  event: message(
    'An event, in order. `cursor` is absent when it is live only.',
    Type.Object(
      {
        type: Type.Literal('event'),
        subscription: Id,
        cursor: Type.Optional(Cursor),
        event: EventSchema,
      },
      closed,
    ),
  ),
  caught_up: message(
    'What follows is live.',
    Type.Object({ type: Type.Literal('caught_up'), ...ofSubscription }, closed),
  ),
  fell_behind: message(
    'More came than was taken; what follows is read from the store, without live-only events.',
    Type.Object({ type: Type.Literal('fell_behind'), ...ofSubscription }, closed),
  ),
  gap: message(
    'Retention removed events between these positions, both inclusive, or may have.',
    Type.Object(
      {
        type: Type.Literal('gap'),
        ...ofSubscription,
        from: Type.Integer(),
        to: Type.Integer(),
        archived: Type.Boolean(),
      },
      closed,
    ),
  ),
  reset: message(
    'The cursor was of another store; the subscription goes on as if none had been sent.',
    Type.Object({ type: Type.Literal('reset'), ...ofSubscription }, closed),
  ),
  checkpoint: message(
    'All up to the cursor is done with: it moves past events that do not match.',
    Type.Object({ type: Type.Literal('checkpoint'), ...ofSubscription }, closed),
  ),
  lagged: message(
    'The client took nothing for too long and is about to be closed: how much of the log it has not had, and where to go on.',
    Type.Object(
      {
        type: Type.Literal('lagged'),
        ...ofSubscription,
        missed: Type.Integer({ description: 'Positions of the log after the cursor, matching or not.' }),
      },
      closed,
    ),
  ),
  error: message(
    'A message was refused; nothing of it was done.',
    Type.Object(
      {
        type: Type.Literal('error'),
        id: Type.Optional(Type.String({ description: 'Of the message, when it had one.' })),
        code: Type.String({ description: 'As `code` of the HTTP API’s problems.' }),
        message: Type.String(),
        errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
      },
      closed,
    ),
  ),
  pong: message('Answers ping.', Type.Object({ type: Type.Literal('pong'), id: Type.Optional(Id) }, closed)),
  bye: message(
    'The last message, when the server closes the socket.',
    Type.Object(
      {
        type: Type.Literal('bye'),
        reason: Type.Union([
          Type.Literal('shutdown'),
          Type.Literal('stopped'),
          Type.Literal('too_slow'),
          Type.Literal('too_many_errors'),
          Type.Literal('revoked'),
        ]),
      },
      closed,
    ),
  ),
} as const

export type ClientMessage = {
  [K in keyof typeof CLIENT_MESSAGES]: Static<(typeof CLIENT_MESSAGES)[K]['schema']>
}[keyof typeof CLIENT_MESSAGES]

export type ServerMessage = {
  [K in keyof typeof SERVER_MESSAGES]: Static<(typeof SERVER_MESSAGES)[K]['schema']>
}[keyof typeof SERVER_MESSAGES]
