import { describe, expectTypeOf, it } from 'vitest'
import { createEvent, type EventTypes, type PublishedEvent } from '../../src/event/event.ts'
import type { JsonObject } from '../../src/event/json.ts'

// The compiler is what is tested here: a line after @ts-expect-error must not compile, every other line must.

declare module '@viewra/events-core' {
  interface EventTypes {
    'payload_types_test.order_paid': { readonly total: number; readonly note?: string }
  }
}

const source = 'system'
const progress = {
  scan_id: 'scan-1',
  library_id: 1,
  progress: 50,
  files_found: 10,
  files_processed: 5,
  bytes_processed: 1_000,
}

describe('the type of a built-in event’s data', () => {
  it('accepts the fields of its schema and additional JSON fields', () => {
    createEvent({ type: 'scan.progress', source, data: progress })
    createEvent({
      type: 'scan.progress',
      source,
      data: { ...progress, error_count: 0, current_file: '/a.mkv' },
    })
    createEvent({
      type: 'scan.progress',
      source,
      data: { ...progress, eta: { seconds: 5, exact: [true, null] } },
    })
  })

  it('rejects a missing, misspelt or invalid field', () => {
    // @ts-expect-error data is missing
    createEvent({ type: 'scan.progress', source })
    // @ts-expect-error all fields but one are missing
    createEvent({ type: 'scan.progress', source, data: { scan_id: 'scan-1' } })
    const { progress: percent, ...others } = progress
    // @ts-expect-error progress is misspelt
    createEvent({ type: 'scan.progress', source, data: { ...others, progres: percent } })
    // @ts-expect-error progress is a number
    createEvent({ type: 'scan.progress', source, data: { ...progress, progress: '50' } })
    // @ts-expect-error an optional field has a type too
    createEvent({ type: 'scan.progress', source, data: { ...progress, current_file: 1 } })
    // @ts-expect-error an optional field is absent or present, never undefined
    createEvent({ type: 'scan.progress', source, data: { ...progress, current_file: undefined } })
    // @ts-expect-error a further field must be JSON
    createEvent({ type: 'scan.progress', source, data: { ...progress, at: new Date(0) } })
  })

  it('accepts any JSON object where the schema does, and nothing else', () => {
    const type = 'media.metadata.enriched'
    const data = { media_id: 'm1', title: 'Metropolis', source: 'tmdb' }
    createEvent({ type, source, data: { ...data, metadata: { year: 1927, cast: [{}] } } })
    createEvent({ type, source, data: { ...data, metadata: {} } })
    // @ts-expect-error a function is not JSON
    createEvent({ type, source, data: { ...data, metadata: { year: () => 1927 } } })
    // @ts-expect-error a string is not an object
    createEvent({ type, source, data: { ...data, metadata: '1927' } })
  })

  it('may be omitted where no field is required', () => {
    createEvent({ type: 'info', source })
    createEvent({ type: 'error', source, data: { code: 'E1', details: { attempt: 2 }, more: true } })
    // @ts-expect-error code is a string
    createEvent({ type: 'error', source, data: { code: 1 } })
  })

  it('is what a reader sees', () => {
    type Data<T extends keyof EventTypes> = PublishedEvent<T, EventTypes[T]>['data']
    expectTypeOf<Data<'scan.progress'>['progress']>().toEqualTypeOf<number>()
    expectTypeOf<Data<'scan.progress'>['library_id']>().toEqualTypeOf<number>()
    expectTypeOf<Data<'scan.progress'>>().toHaveProperty('error_count')
    expectTypeOf<Data<'playback.finished'>['finished']>().toEqualTypeOf<boolean>()
    expectTypeOf<Data<'asset.updated'>['changed']>().toEqualTypeOf<string[] | undefined>()
    expectTypeOf<Data<'media.metadata.enriched'>['metadata']>().toEqualTypeOf<JsonObject>()
    // @ts-expect-error there is no such field
    expectTypeOf<Data<'scan.progress'>['progres']>()
  })
})

describe('the type of other events’ data', () => {
  it('is any JSON object for an undeclared type', () => {
    createEvent({ type: 'weather.changed', source })
    createEvent({ type: 'weather.changed', source, data: { celsius: -5, wind: ['n', null] } })
    // @ts-expect-error an array is not an object
    createEvent({ type: 'weather.changed', source, data: [1] })
    // @ts-expect-error undefined is not JSON
    createEvent({ type: 'weather.changed', source, data: { celsius: undefined } })
  })

  it('is any JSON object for a type known only at run time', () => {
    const type: string = ['scan', 'progress'].join('.')
    createEvent({ type, source, data: { anything: 1 } })
  })

  it('can be declared by a service', () => {
    createEvent({ type: 'payload_types_test.order_paid', source, data: { total: 12.5, currency: 'EUR' } })
    // @ts-expect-error total is missing
    createEvent({ type: 'payload_types_test.order_paid', source, data: { note: 'thanks' } })
    expectTypeOf<EventTypes>().toHaveProperty('scan.progress')
  })
})
