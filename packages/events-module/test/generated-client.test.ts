import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import openapiTS, { astToString } from 'openapi-typescript'
import ts from 'typescript'
import { expect, onTestFinished, test } from 'vitest'
import { createToken } from '../src/index.ts'
import { listeningApp } from './events-app.ts'

/** A program against the API as somebody writes it who has nothing but the OpenAPI document. */
const PROGRAM = `
import createClient from 'openapi-fetch'
import type { components, paths } from './api.ts'

const asLines = (body: unknown) => String(body)
const asCloudEvent = (body: unknown) => JSON.stringify(body)

export async function use(baseUrl: string, token: string): Promise<unknown> {
  const client = createClient<paths, 'application/json' | 'application/problem+json'>({ baseUrl, headers: { authorization: 'Bearer ' + token } })
  const event: components['schemas']['EventInput'] = {
    type: 'scan.started',
    source: 'plugin:a, b',
    tags: ['red'],
    data: { library: { id: 5 }, n: 1 },
  }
  const { data: published } = await client.POST('/', { body: event })
  const receipts: components['schemas']['Receipt'][] | undefined = (await client.POST('/batch', {
    body: [{ ...event, type: 'scan.ended', data: { library: { id: 6 } } }],
  })).data?.events
  const lines = await client.POST('/batch', {
    body: JSON.stringify({ ...event, type: 'user.created', data: {} }) + '\\n',
    headers: { 'content-type': 'application/x-ndjson' },
    bodySerializer: asLines,
  })
  const cloudEvent: components['schemas']['CloudEventInput'] = {
    specversion: '1.0',
    id: 'delivery-1',
    source: 'https://github.com/acme/widgets',
    type: 'com.github.pull-request.Opened',
    dataschema: 'https://example.com/s',
    data: { number: 7 },
    partitionkey: 'acme',
    sampled: true,
  }
  await client.POST('/', {
    body: cloudEvent,
    headers: { 'content-type': 'application/cloudevents+json' },
    bodySerializer: asCloudEvent,
  })
  await client.POST('/', { body: { type: 'a', source: 'x', extensions: { partitionkey: 'other', sequence: 1 } } })
  const having = await client.GET('/', { params: { query: { ext: { partitionkey: 'acme', sampled: true } } } })
  const extension: string | number | boolean | undefined = having.data?.events[0]?.extensions?.partitionkey
  const selected = await client.GET('/', {
    params: { query: { data: { 'library.id': 5, n: 1 }, tags: ['red', 'blue'], priority: 'normal', order: 'asc' } },
  })
  const page: components['schemas']['EventPage'] | undefined = selected.data
  const one = await client.GET('/{id}', { params: { path: { id: published?.event_id ?? '' } } })
  const wrong = await client.GET('/range', { params: { query: { start: 'yesterday', end: 'now' } } })
  const problem: components['schemas']['Problem'] | undefined = wrong.error
  return {
    published,
    receipts: receipts?.length,
    lines: lines.data?.count,
    types: page?.events.map(({ type }) => type),
    position: one.data?.position,
    having: having.data?.events.map(({ id }) => id),
    extension,
    problem: problem?.code,
  }
}

// @ts-expect-error a type that there is not
export const wrongType: components['schemas']['EventInput'] = { typ: 'a', source: 'x' }
`

test('a client that is generated from the document compiles, sends CloudEvents, and selects by data and extensions', async () => {
  const { token, hash } = createToken()
  const { url } = await listeningApp({ module: { tokens: [{ name: 'one', role: 'publisher', hash }] } })
  const folder = mkdtempSync(path.join(import.meta.dirname, '../node_modules/.generated-client-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(path.join(folder, 'api.ts'), astToString(await openapiTS(new URL(`${url}/openapi.json`))))
  writeFileSync(path.join(folder, 'program.ts'), PROGRAM)
  expect(compile(path.join(folder, 'program.ts'))).toEqual([])
  const { use } = await import(path.join(folder, 'program.js'))
  expect(await use(url, token)).toEqual({
    published: expect.objectContaining({ position: 1, duplicate: false }),
    receipts: 1,
    lines: 1,
    types: ['scan.started'],
    position: 1,
    having: ['delivery-1'],
    extension: 'acme',
    problem: 'EVENTS_INVALID',
  })
})

/** Writes JavaScript beside the file and answers what is wrong with its types. */
function compile(file: string): string[] {
  const program = ts.createProgram([file], {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
    rewriteRelativeImportExtensions: true,
    skipLibCheck: true,
  })
  const { diagnostics } = program.emit()
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map(({ messageText, start, file: at }) => {
    const line = at?.getLineAndCharacterOfPosition(start ?? 0).line
    return `${at?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}
