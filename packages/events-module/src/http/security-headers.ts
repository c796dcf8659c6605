import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

const API_CSP = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }

/** Only the host knows whether its whole domain is served over TLS alone; a browser would enforce that for a year. */
const OPTIONS = { contentSecurityPolicy: API_CSP, strictTransportSecurity: false } as const

/** Adds headers that permit browsers nothing, because the API has no pages; `/docs` has headers of its own. */
export function addSecurityHeaders(scope: FastifyInstance): void {
  const headers = securityHeaders()
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}

/** Returns the headers that helmet sets. They are the same for every answer, and its fourteen steps cost more than a publish. */
function securityHeaders(): NodeJS.Dict<number | string | string[]> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  helmet(OPTIONS)(request, response, (error) => {
    if (error !== undefined) throw error
  })
  return response.getHeaders()
}
