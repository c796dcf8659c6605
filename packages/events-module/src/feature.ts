import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ModuleOptions } from './options.ts'

/** The encapsulated part of the app below the module's prefix. */
export type EventsScope = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** A group of routes in the API's description. */
export interface FeatureTag {
  readonly name: string
  readonly description: string
}

export const STREAMING: FeatureTag = {
  name: 'Streaming',
  description: 'Events as they come, with what was missed before.',
}

export const OPERATIONS: FeatureTag = { name: 'Operations', description: 'Health and figures.' }

/**
 * A part of the API. It says of itself all there is to know: its routes carry their roles, audit types and descriptions,
 * and the words that their paths begin with are no longer free as ids. Features do not know each other.
 */
export interface Feature {
  /** The tag of all its routes. */
  readonly tag: FeatureTag
  readonly addRoutes: (scope: EventsScope, options: ModuleOptions) => void
}
