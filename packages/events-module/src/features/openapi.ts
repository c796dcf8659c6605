import { Type } from '@sinclair/typebox'
import { type Feature, OPERATIONS } from '../feature.ts'
import { withServer } from '../http/openapi/document.ts'

const DocumentSchema = Type.Object(
  { openapi: Type.String(), info: Type.Object({}, { additionalProperties: true }) },
  {
    $id: 'OpenApiDocument',
    additionalProperties: true,
    description: 'An OpenAPI 3.1 document.',
    examples: [{ openapi: '3.1.0', info: { title: 'Viewra events', version: '1.0.0' } }],
  },
)

/** The description of all routes, for programs; `/docs` shows it to people. */
export const openapiFeature: Feature = {
  tag: OPERATIONS,
  addRoutes(scope) {
    const schema = {
      operationId: 'getOpenApiDocument',
      summary: 'Describe the API (OpenAPI 3.1); `/docs` shows it to people',
      description:
        'All operations as an OpenAPI 3.1 document, made from the schemas that requests are checked by.',
      response: { 200: Type.Unsafe<object>(DocumentSchema) },
    }
    // By the servers in it, of which there are few: it is large, and anyone may ask for it as often as they like.
    const texts = new Map<string, string>()
    scope.get('/openapi.json', { schema, config: { role: 'anyone' } }, async ({ url }, reply) => {
      const document = withServer(scope.swagger(), url.slice(scope.prefix.length))
      const servers = JSON.stringify(document.servers)
      const text = texts.get(servers) ?? JSON.stringify(document)
      texts.set(servers, text)
      return reply
        .type('application/json; charset=utf-8')
        .serializer(() => text)
        .send(document)
    })
  },
}
