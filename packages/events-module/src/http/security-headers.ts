import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

const API_CSP = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }

/** Whether its whole domain is served over TLS alone, only the host knows: a browser would hold it to that for a year. */
const OPTIONS = { contentSecurityPolicy: API_CSP, strictTransportSecurity: false } as const

/** Nothing of the API is a page, so a browser may do nothing with it; `/docs` says for itself what it may. */
export function addSecurityHeaders(scope: FastifyInstance): void {
  const headers = securityHeaders()
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}

/** What helmet sets is the same for every answer, so it is asked once: its fourteen steps cost more than a publish. */
function securityHeaders(): NodeJS.Dict<number | string | string[]> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  helmet(OPTIONS)(request, response, (error) => {
    if (error !== undefined) throw error
  })
  return response.getHeaders()
}
