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

/** Adds a feature's routes. Features know of each other nothing. */
export type Feature = (scope: EventsScope, options: ModuleOptions) => void
