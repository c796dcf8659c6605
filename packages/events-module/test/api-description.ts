import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'

type Json = Readonly<Record<string, unknown>>

export interface Operation {
  readonly method: string
  /** As in the document, below the prefix: `/{id}`. */
  readonly path: string
  readonly description: Json
}

/** The app's own OpenAPI document, and checks against it. */
export class ApiDescription {
  readonly document: Json
  readonly prefix: string
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  readonly #validators = new Map<string, ValidateFunction>()

  constructor(document: Json, prefix: string) {
    this.document = document
    this.prefix = prefix
    formats.default(this.#ajv)
    this.#ajv.addSchema(document, 'api')
  }

  static async of(app: FastifyInstance, prefix = '/api/v1/events'): Promise<ApiDescription> {
    const response = await app.inject({ url: `${prefix}/openapi.json` })
    return new ApiDescription(response.json(), prefix)
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
    if (!pattern.startsWith(this.prefix)) return undefined
    const path =
      pattern
        .slice(this.prefix.length)
        .replaceAll(/:(\w+)/g, '{$1}')
        .replace(/\/$/, '') || '/'
    return this.operations().find((one) => one.method === method && one.path === path)
  }

  /** What is wrong with an answer, by the description of its operation; nothing when all is as described. */
  problemsOf(method: string, pattern: string, status: number, contentType: string, body: string): string[] {
    const place = `${method} ${pattern} ${status}`
    const operation = this.operation(method, pattern)
    if (operation === undefined) return [`${place} is not described`]
    const at = ['paths', operation.path, method.toLowerCase(), 'responses', String(status)]
    const [pointer, response] = this.followed(at)
    if (response === undefined) return [`${place} is not described`]
    const type = contentType.split(';', 1)[0] ?? ''
    if (record(record(response).content)[type] === undefined)
      return [`${place} as '${type}' is not described`]
    if (!type.endsWith('json')) return []
    const problems = this.check([...pointer, 'content', type, 'schema'], JSON.parse(body))
    return problems.map((text) => `${place}: ${text}`)
  }

  /** What is at a place in the document, and where that really is when a reference is there. */
  followed(pointer: readonly string[]): readonly [pointer: readonly string[], value: unknown] {
    const value = pointer.reduce<unknown>((part, word) => record(part)[word], this.document)
    const { $ref } = record(value)
    return typeof $ref === 'string' ? this.followed($ref.slice('#/'.length).split('/')) : [pointer, value]
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
