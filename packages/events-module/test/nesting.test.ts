import { describe, expect, test } from 'vitest'
import { isNestedTooDeep, MAX_NESTING } from '../src/http/request/nesting.ts'
import { eventsApp } from './events-app.ts'

const PATH = '/api/v1/events'
const HUGE = 1_000_000

describe('a body of nothing but brackets is refused before it is parsed', () => {
  test.each([
    ['/', 'application/json', '['.repeat(HUGE)],
    ['/', 'application/json', '{"a":'.repeat(HUGE / 5)],
    ['/', 'application/cloudevents+json', '['.repeat(HUGE)],
    ['/batch', 'application/json', `[${'['.repeat(HUGE - 100)}]`],
    ['/batch', 'application/x-ndjson', '['.repeat(HUGE)],
  ])('%s as %s', async (url, type, payload) => {
    const { app } = await eventsApp()
    const headers = { 'content-type': type }
    const { statusCode, body } = await app.inject({ method: 'POST', url: PATH + url, headers, payload })
    expect(statusCode).toBe(400)
    expect(body).toMatch(/must be nested at most 500 levels deep|is not JSON: it ends before/)
  })
})

describe('how deep a text is nested', () => {
  const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`

  test('is judged at the limit', () => {
    expect(isNestedTooDeep(nested(MAX_NESTING))).toBe(false)
    expect(isNestedTooDeep(`[${nested(MAX_NESTING)}]`)).toBe(true)
  })

  test('has nothing to do with how many brackets stand side by side or in strings', () => {
    const many = Array.from({ length: 2_000 }, () => ['[[[', '\\"[[', { a: [] }])
    expect(isNestedTooDeep(JSON.stringify(many))).toBe(false)
  })
})
