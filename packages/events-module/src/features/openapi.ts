import { Type } from '@sinclair/typebox'
import type { Feature } from '../http/feature.ts'
import { withServer } from '../http/openapi.ts'

const DocumentSchema = Type.Object(
  { openapi: Type.String(), info: Type.Object({}, { additionalProperties: true }) },
  {
    additionalProperties: true,
    description: 'An OpenAPI 3.1 document.',
    examples: [{ openapi: '3.1.0', info: { title: 'Viewra events', version: '1.0.0' } }],
  },
)

/** The description of all routes, for programs; `/docs` shows it to people. */
export const openapiRoutes: Feature = (scope) => {
  const schema = {
    summary: 'This description',
    tags: ['Operations'],
    response: { 200: Type.Unsafe<object>(DocumentSchema) },
  }
  scope.get('/openapi.json', { schema, config: { role: 'anyone' } }, async ({ url }) =>
    withServer(scope.swagger(), url),
  )
}
