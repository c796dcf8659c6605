import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'

type Json = Readonly<Record<string, unknown>>

export interface Operation {
  readonly method: string
  /** As in the document: `/api/v1/events/{id}`. */
  readonly path: string
  readonly description: Json
}

/** The app's own OpenAPI document, and checks against it. */
export class ApiDescription {
  readonly document: Json
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  readonly #validators = new Map<string, ValidateFunction>()

  constructor(document: Json) {
    this.document = document
    formats.default(this.#ajv)
    this.#ajv.addSchema(document, 'api')
  }

  static async of(app: FastifyInstance, prefix = '/api/v1/events'): Promise<ApiDescription> {
    const response = await app.inject({ url: `${prefix}/openapi.json` })
    return new ApiDescription(response.json())
  }

  operations(): Operation[] {
    return Object.entries(record(this.document.paths)).flatMap(([path, methods]) =>
      Object.entries(record(methods)).map(([method, description]) => ({
        method: method.toUpperCase(),
        path,
        description: record(description),
      })),
    )
  }

  /** @param pattern as a router has it, with or without the trailing slash: `/api/v1/events/:id/` */
  operation(method: string, pattern: string): Operation | undefined {
    const path = pattern.replaceAll(/:(\w+)/g, '{$1}').replace(/\/$/, '')
    return this.operations().find((one) => one.method === method && one.path.replace(/\/$/, '') === path)
  }

  /** What is wrong with an answer, by the description of its operation; nothing when all is as described. */
  problemsOf(method: string, pattern: string, status: number, contentType: string, body: string): string[] {
    const place = `${method} ${pattern} ${status}`
    const operation = this.operation(method, pattern)
    const response = record(operation?.description.responses)[status]
    if (operation === undefined || response === undefined) return [`${place} is not described`]
    const type = contentType.split(';', 1)[0] ?? ''
    if (record(record(response).content)[type] === undefined)
      return [`${place} as '${type}' is not described`]
    if (!type.endsWith('json')) return []
    const at = ['responses', String(status), 'content', type, 'schema']
    const pointer = ['paths', operation.path, method.toLowerCase(), ...at]
    return this.check(pointer, JSON.parse(body)).map((text) => `${place}: ${text}`)
  }

  /** Checks a value against the schema at a place in the document. */
  check(pointer: readonly string[], value: unknown): string[] {
    const ref = `api#/${pointer.map((word) => encodeURIComponent(word.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`
    const validate = this.#validators.get(ref) ?? this.#ajv.compile({ $ref: ref })
    this.#validators.set(ref, validate)
    validate(value)
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
}

export function record(value: unknown): Json {
  return { ...(typeof value === 'object' ? value : undefined) }
}
