import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatTimestamp, parseTimestamp } from '../../src/event/timestamp.ts'

const YEAR_0 = -62_167_219_200_000
const END_OF_9999 = 253_402_300_799_999

describe('parseTimestamp', () => {
  test.each([
    ['2030-01-31T12:34:56Z', Date.UTC(2030, 0, 31, 12, 34, 56)],
    ['2030-01-31T12:34:56.7Z', Date.UTC(2030, 0, 31, 12, 34, 56, 700)],
    ['2030-01-31T12:34:56.78Z', Date.UTC(2030, 0, 31, 12, 34, 56, 780)],
    ['2030-01-31T12:34:56.789Z', Date.UTC(2030, 0, 31, 12, 34, 56, 789)],
    ['2030-01-31T12:34:56.789999999999999999999Z', Date.UTC(2030, 0, 31, 12, 34, 56, 789)],
    ['2030-01-31T12:34:56.0009Z', Date.UTC(2030, 0, 31, 12, 34, 56, 0)],
    ['2030-01-31t12:34:56z', Date.UTC(2030, 0, 31, 12, 34, 56)],
    ['2030-01-31T12:34:56+00:00', Date.UTC(2030, 0, 31, 12, 34, 56)],
    ['2030-01-31T12:34:56-00:00', Date.UTC(2030, 0, 31, 12, 34, 56)],
    ['2030-01-31T12:34:56+05:30', Date.UTC(2030, 0, 31, 7, 4, 56)],
    ['2030-01-31T12:34:56-08:00', Date.UTC(2030, 0, 31, 20, 34, 56)],
    ['2030-01-01T00:00:00+23:59', Date.UTC(2029, 11, 31, 0, 1, 0)],
    ['1969-12-31T23:59:59.999Z', -1],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['0000-01-01T00:00:00Z', YEAR_0],
    ['0000-02-29T00:00:00Z', YEAR_0 + 59 * 86_400_000],
    ['0099-12-31T00:00:00Z', new Date('0099-12-31T00:00:00Z').getTime()],
    ['9999-12-31T23:59:59.999Z', END_OF_9999],
  ])('%s is a time', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms)
  })

  test.each([
    '2023-02-29T00:00:00Z',
    '2023-02-30T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2023-04-31T00:00:00Z',
    '2023-00-01T00:00:00Z',
    '2023-13-01T00:00:00Z',
    '2023-01-00T00:00:00Z',
    '2023-01-32T00:00:00Z',
    '2023-01-01T24:00:00Z',
    '2023-01-01T23:60:00Z',
    '2016-12-31T23:59:60Z',
    '2023-01-01T00:00:00+24:00',
    '2023-01-01T00:00:00+00:60',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '2023-01-01T00:00:00',
    '2023-01-01 00:00:00Z',
    '2023-01-01',
    '2023-01-01T00:00Z',
    '2023-01-01T00:00:00.Z',
    '2023-01-01T00:00:00,5Z',
    '2023-01-01T00:00:00+0100',
    '2023-01-01T00:00:00+01',
    '2023-1-1T00:00:00Z',
    '+002023-01-01T00:00:00Z',
    '12023-01-01T00:00:00Z',
    ' 2023-01-01T00:00:00Z',
    '2023-01-01T00:00:00Z\n',
    '٢٠٢٣-01-01T00:00:00Z',
    '1672531200000',
    'today',
    '',
  ])('%j is not a time', (text) => {
    expect(parseTimestamp(text)).toBeUndefined()
  })
})

describe('formatTimestamp', () => {
  test('returns UTC with milliseconds and a four-digit year', () => {
    expect(formatTimestamp(Date.UTC(2030, 0, 31, 12, 34, 56, 7))).toBe('2030-01-31T12:34:56.007Z')
    expect(formatTimestamp(YEAR_0)).toBe('0000-01-01T00:00:00.000Z')
    expect(formatTimestamp(END_OF_9999)).toBe('9999-12-31T23:59:59.999Z')
  })

  test('returns the requested time, whatever was requested before', () => {
    const times = [5, 5, 6, 5, 0, -1, 0]
    expect(times.map(formatTimestamp)).toEqual(times.map((ms) => new Date(ms).toISOString()))
  })

  test('is understood by parseTimestamp, in the order of time', () => {
    const ms = fc.integer({ min: YEAR_0, max: END_OF_9999 })
    fc.assert(
      fc.property(ms, ms, (a, b) => {
        expect(parseTimestamp(formatTimestamp(a))).toBe(a)
        expect(formatTimestamp(a) < formatTimestamp(b)).toBe(a < b)
      }),
    )
  })
})
