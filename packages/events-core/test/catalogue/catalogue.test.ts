import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/catalogue/catalogue.ts'
import { catalogueRegistry } from '../../src/catalogue/registry.ts'
import { createTypeRegistry, payloadSchemas } from '../../src/catalogue/schemas.ts'
import type { JsonObject } from '../../src/event/json.ts'
import { PAYLOAD_EXAMPLES } from './payload-examples.ts'

const NAMES = `
  media.library.scanned media.file.found media.metadata.enriched media.file.deleted
  asset.created asset.updated asset.removed asset.preferred
  user.created user.logged_in user.device.registered
  playback.started playback.finished playback.progress
  system.started system.stopped
  plugin.loaded plugin.unloaded plugin.enabled plugin.disabled plugin.installed plugin.error
  scan.started scan.progress scan.completed scan.failed scan.resumed scan.paused
  error warning info debug
  audit.event.deleted audit.events.cleared audit.subscription.paused audit.subscription.resumed audit.subscription.reset
  audit.subscription.renamed audit.subscription.deleted audit.dead_letters.retried audit.dead_letter.deleted
  audit.job.cancelled`
  .trim()
  .split(/\s+/)

const registry = createTypeRegistry()
const schemas = Object.entries(payloadSchemas).map(([type, { properties, required = [] }]) => ({
  type,
  required,
  fields: Object.entries(properties),
}))

function example(type: string): JsonObject {
  return { ...new Map<string, JsonObject>(Object.entries(PAYLOAD_EXAMPLES)).get(type) }
}

describe('the catalogue', () => {
  it('contains exactly the built-in types, once each', () => {
    expect(CATALOGUE.map((definition) => definition.type).sort()).toEqual([...NAMES].sort())
    expect(Object.keys(payloadSchemas).sort()).toEqual([...NAMES].sort())
  })

  it.each(CATALOGUE)('describes $type in a sentence and gives it a priority', ({ description, priority }) => {
    expect(description).toMatch(/^[A-Z].{10,}\.$/)
    expect([1, 5, 10]).toContain(priority)
  })

  it('ranks failures above and frequent events below the rest', () => {
    const types = (priority: number) => CATALOGUE.filter((d) => d.priority === priority).map((d) => d.type)
    expect(types(10)).toEqual(['plugin.error', 'scan.failed', 'error'])
    expect(types(1)).toEqual(['playback.progress', 'scan.progress', 'debug'])
  })

  it('cannot be changed by its readers', () => {
    expect(Object.isFrozen(CATALOGUE)).toBe(true)
    expect(CATALOGUE.every((definition) => Object.isFrozen(definition))).toBe(true)
  })
})

describe('payload schemas', () => {
  it.each(schemas)('describe each field of $type', ({ fields }) => {
    for (const [field, schema] of fields) expect(schema.description, field).toMatch(/^\S.{4,}$/)
  })

  it.each(NAMES)('accept a full example of %s, also with additional fields', (type) => {
    expect(registry.check(type, example(type))).toEqual([])
    expect(registry.check(type, { ...example(type), further: { of: ['any', 'kind', null] } })).toEqual([])
  })

  it.each(schemas)('accept a $type that has only the required fields', ({ type, required }) => {
    const data = Object.fromEntries(
      Object.entries(example(type)).filter(([field]) => required.includes(field)),
    )
    expect(registry.check(type, data)).toEqual([])
  })

  it.each(schemas)('name each invalid field of $type by its path', ({ type, fields }) => {
    for (const [field] of fields) {
      expect(registry.check(type, { ...example(type), [field]: null })).toEqual([
        { path: `data.${field}`, message: expect.stringMatching(/^must be (an?|true) /) },
      ])
    }
  })

  it.each(schemas)('require each required field of $type', ({ type, required }) => {
    for (const field of required) {
      const { [field]: _, ...others } = example(type)
      expect(registry.check(type, others)).toEqual([{ path: `data.${field}`, message: 'is missing' }])
    }
  })

  it('identify a library by a number and everything else by a string', () => {
    const ids = schemas.flatMap(({ fields }) => fields.filter(([field]) => field.endsWith('_id')))
    const kinds = new Set(
      ids.map(([field, { type }]) => `${field === 'library_id' ? 'library' : 'other'} ${type}`),
    )
    expect([...kinds].sort()).toEqual(['library integer', 'other string'])
  })
})

describe('a payload check', () => {
  const progress = example('scan.progress')

  it.each([
    [{ progress: 100.5 }, 'data.progress', 'must be a number from 0 to 100'],
    [{ progress: -1 }, 'data.progress', 'must be a number from 0 to 100'],
    [{ library_id: 1.5 }, 'data.library_id', 'must be an integer'],
    [{ files_found: -1 }, 'data.files_found', 'must be an integer of at least 0'],
    [{ scan_id: '' }, 'data.scan_id', 'must be a non-empty string'],
    [{ scan_id: 7 }, 'data.scan_id', 'must be a non-empty string'],
    [{ current_file: 7 }, 'data.current_file', 'must be a string'],
  ])('of scan.progress rejects %j', (wrong, path, message) => {
    expect(registry.check('scan.progress', { ...progress, ...wrong })).toEqual([{ path, message }])
  })

  it.each(['2026-01-31', '2026-01-31 12:00:00Z', '2026-01-31T12:00:00', 'now', ''])(
    'refuses %j for a time',
    (time) => {
      expect(registry.check('user.created', { ...example('user.created'), created_at: time })).toEqual([
        { path: 'data.created_at', message: 'must be an RFC 3339 time' },
      ])
    },
  )

  it('checks array items and rejects arrays in place of objects', () => {
    expect(registry.check('asset.updated', { ...example('asset.updated'), changed: ['size', 1] })).toEqual([
      { path: 'data.changed.1', message: 'must be a string' },
    ])
    expect(registry.check('info', { details: [] })).toEqual([
      { path: 'data.details', message: 'must be an object' },
    ])
  })

  it('reports at most ten invalid places', () => {
    const changed = Array.from({ length: 1_000 }, () => 1)
    const issues = registry.check('asset.updated', { ...example('asset.updated'), changed })
    expect(issues).toHaveLength(10)
    expect(issues.at(-1)?.path).toBe('data.changed.9')
  })

  it('never shows the value', () => {
    const issues = registry.check('user.created', {
      ...example('user.created'),
      email: ['maria@example.com'],
    })
    expect(JSON.stringify(issues)).not.toContain('maria')
  })

  it('is not done without schemas', () => {
    expect(catalogueRegistry().check('scan.progress', {})).toEqual([])
  })
})
