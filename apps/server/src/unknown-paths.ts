import { HttpError, handleError } from '@viewra/events-module'
import type { FastifyInstance } from 'fastify'
import { OWN_PATHS } from './prefixes.ts'

/** Answers requests that are refused outside the API, or that no route handles, with problems in the API's form. */
export function answerInOneForm(app: FastifyInstance, prefixes: readonly string[]): void {
  app.setErrorHandler(handleError)
  app.setNotFoundHandler(({ url, method }) => {
    const [path = ''] = url.split('?', 1)
    if (OWN_PATHS.includes(path)) {
      const headers = { allow: 'GET, HEAD' }
      throw new HttpError('HTTP_METHOD_NOT_ALLOWED', `${path} takes GET and HEAD, not ${method}`, { headers })
    }
    throw new HttpError(
      'HTTP_NOT_FOUND',
      `there is nothing at ${path}; the API is at ${prefixes.join(' and ')}`,
    )
  })
}
