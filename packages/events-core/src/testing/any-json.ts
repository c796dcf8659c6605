import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../event/json.ts'

/** Strings that may include halves of surrogate pairs. */
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units))
const key = fc.oneof(
  anyUnits,
  fc.constantFrom('__proto__', 'constructor', 'a.b', '$', '"', "'", '', '7', '-7'),
)
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(1e308, 5e-324, 2 ** 53, 2 ** 53 + 2, -(2 ** 63), 1e21, 0.1 + 0.2, 123456789012345680000),
)

/** JSON values, including difficult ones: odd keys, the smallest and largest numbers, any UTF-16 units. */
export const { json: anyJson } = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.oneof(anyUnits, number, fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('json'), { maxLength: 6 }),
    fc.dictionary(key, tie('json'), { maxKeys: 6 }),
  ),
}))

export const anyJsonObject: fc.Arbitrary<JsonObject> = fc.dictionary(key, anyJson, { maxKeys: 8 })
