import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/catalogue/catalogue.ts'
import type { EventTypeDefinition } from '../../src/catalogue/definition.ts'
import { catalogueRegistry } from '../../src/catalogue/registry.ts'
import { createTypeRegistry } from '../../src/catalogue/schemas.ts'

const paid: EventTypeDefinition = { type: 'order.paid', description: 'An order was paid.', priority: 10 }

describe.each([
  ['catalogueRegistry', catalogueRegistry],
  ['createTypeRegistry', createTypeRegistry],
])('%s', (_, create) => {
  it('knows the built-in types, in the order of the catalogue', () => {
    const registry = create()
    expect(registry.list().map(({ payload: _, ...definition }) => definition)).toEqual(CATALOGUE)
    expect(registry.get('scan.failed')).toMatchObject({ type: 'scan.failed', priority: 10 })
  })

  it('knows neither other types nor names that every object has', () => {
    const registry = create()
    for (const type of ['order.paid', 'scan', 'constructor', '__proto__']) {
      expect(registry.get(type)).toBeUndefined()
      expect(registry.check(type, {})).toEqual([])
    }
  })

  it('adds a registered type after those it had', () => {
    const registry = create()
    registry.register(paid)
    expect(registry.get('order.paid')).toEqual(paid)
    expect(registry.list()).toHaveLength(CATALOGUE.length + 1)
    expect(registry.list().at(-1)).toEqual(paid)
  })

  it('replaces a type of the same name', () => {
    const registry = create()
    registry.register(paid)
    registry.register({ ...paid, priority: 1 })
    expect(registry.get('order.paid')?.priority).toBe(1)
    expect(registry.list()).toHaveLength(CATALOGUE.length + 1)
  })

  it('does not check payloads of registered definitions, even if they replace built-in ones', () => {
    const registry = create()
    registry.register({ ...paid, payload: { type: 'object', required: ['total'] } })
    registry.register({ ...paid, type: 'scan.progress' })
    expect(registry.check('order.paid', {})).toEqual([])
    expect(registry.check('scan.progress', {})).toEqual([])
  })

  it('protects its definitions from outside changes', () => {
    const registry = create()
    const definition = { ...paid }
    registry.register(definition)
    definition.priority = 0
    expect(registry.get('order.paid')?.priority).toBe(10)
    expect(Object.isFrozen(registry.get('order.paid'))).toBe(true)
    expect(create().get('order.paid')).toBeUndefined()
  })

  it.each([
    ['type', { type: 'order paid' }],
    ['type', { type: 'order..paid' }],
    ['type', { type: 'order.*' }],
    ['type', { type: '' }],
    ['type', { type: 'a'.repeat(129) }],
    ['type', { type: 'a\n' }],
    ['description', { description: '' }],
    ['priority', { priority: 101 }],
    ['priority', { priority: 1.5 }],
    ['payload', { payload: 'object' }],
    ['payloads', { payloads: {} }],
  ])('rejects a definition with an invalid %s: %j', (path, wrong) => {
    const registry = create()
    const definition = { ...paid, ...wrong }
    // @ts-expect-error some of these are already invalid by their type
    const register = () => registry.register(definition)
    expect(register).toThrow(
      expect.objectContaining({ code: 'EVENTS_INVALID', issues: [expect.objectContaining({ path })] }),
    )
    expect(registry.list()).toHaveLength(CATALOGUE.length)
  })

  it.each(['type', 'description', 'priority'])('rejects a definition without %s', (path) => {
    const registry = create()
    const register = () => registry.register({ ...paid, [path]: undefined })
    expect(register).toThrow(expect.objectContaining({ issues: [{ path, message: 'is missing' }] }))
  })

  it('accepts a type of 128 characters', () => {
    const registry = create()
    registry.register({ ...paid, type: 'a'.repeat(128) })
    expect(registry.get('a'.repeat(128))).toBeDefined()
  })
})

describe('createTypeRegistry', () => {
  it('gives each built-in type the JSON Schema of its payload, as plain JSON', () => {
    for (const { payload } of createTypeRegistry().list()) {
      expect(payload).toMatchObject({ type: 'object', properties: {} })
      expect(payload).toEqual(JSON.parse(JSON.stringify(payload)))
      expect(Object.getOwnPropertySymbols(payload)).toEqual([])
    }
  })

  it('marks required and optional fields in the schema', () => {
    expect(createTypeRegistry().get('media.file.deleted')?.payload).toEqual({
      type: 'object',
      required: ['path', 'media_id'],
      properties: {
        path: { type: 'string', description: 'Former path of the file' },
        media_id: { type: 'string', minLength: 1, description: 'Id of the media item' },
        reason: { type: 'string', description: 'Reason: missing, duplicate, user, …' },
      },
    })
  })
})
