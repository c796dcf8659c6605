/** A schema, or a part of an OpenAPI document, as JSON. */
export type Json = Readonly<Record<string, unknown>>

/** Keywords of this module, which only the checks of requests read. */
const OWN_KEYWORDS: ReadonlySet<string> = new Set(['rule', 'allowEmptyValue'])

/** Keywords whose value is a schema or an array of schemas. The values of others (`examples`, `default`, …) are data. */
const SCHEMA_KEYWORDS: ReadonlySet<string> = new Set(['items', 'anyOf', 'additionalProperties'])

/**
 * The schemas of an OpenAPI document that have a name: each is described once, and referred to elsewhere. Generated
 * code calls its types by these names.
 */
export class Components {
  readonly schemas: Record<string, Json> = {}

  /**
   * Returns the schema as the document has it. One with an `$id` becomes a reference to the component of that name; one
   * with `sent` is what the server makes of what clients send, which is described instead.
   */
  describe(schema: object): Json {
    if ('sent' in schema && isObject(schema.sent)) return this.describe(schema.sent)
    const name = '$id' in schema && typeof schema.$id === 'string' ? schema.$id : undefined
    if (name === undefined) return this.#copy(schema)
    // Named before its fields are looked at, so that components come in the order of their first use.
    if (this.schemas[name] === undefined) {
      this.schemas[name] = {}
      this.schemas[name] = this.#copy(schema)
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  #copy(schema: object): Json {
    const copied = Object.entries(schema).flatMap(([keyword, value]): [string, unknown][] => {
      if (keyword === '$id' || OWN_KEYWORDS.has(keyword)) return []
      if (keyword === 'properties') return [[keyword, mapped(value, (one) => this.#value(one))]]
      // TypeBox writes a map of any keys as a pattern of names; generators know only this form.
      if (keyword === 'patternProperties')
        return [['additionalProperties', this.#value(Object.values(value)[0])]]
      return [[keyword, SCHEMA_KEYWORDS.has(keyword) ? this.#value(value) : value]]
    })
    return withEnum(Object.fromEntries(copied))
  }

  #value(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.#value(one))
    return isObject(value) ? this.describe(value) : value
  }
}

/** Writes alternatives that are all strings as one `enum`: generators make one type of it, and of `anyOf` one for each. */
function withEnum({ anyOf, ...schema }: Json): Json {
  if (!Array.isArray(anyOf)) return schema
  const constants = anyOf.filter((one) => typeof one.const === 'string')
  const others = anyOf.filter((one) => typeof one.const !== 'string')
  if (constants.length < 2) return { ...schema, anyOf }
  const names = { type: 'string', enum: constants.map((one) => one.const) }
  return others.length === 0 ? { ...schema, ...names } : { ...schema, anyOf: [...others, names] }
}

function mapped(value: object, make: (one: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, make(one)]))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
