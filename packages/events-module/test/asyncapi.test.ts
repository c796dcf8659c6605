import schemas from '@asyncapi/specs'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { expect, test } from 'vitest'
import { createToken } from '../src/index.ts'
import { eventsApp, listeningApp } from './events-app.ts'
import { lint } from './spectral.ts'

const PATH = '/api/v1/events/asyncapi.json'

test('the document of the socket is valid AsyncAPI 3.1 and names every message', async () => {
  const { app } = await eventsApp()
  const document = (await app.inject(PATH)).json()
  const ajv = formats.default(new Ajv({ strict: false, allErrors: true }))
  const validate = ajv.compile(schemas.schemasWithoutId['3.1.0'])
  validate(document)
  expect(validate.errors).toBeNull()
  expect(document.asyncapi).toBe('3.1.0')
  expect(document.channels.events.address).toBe('/api/v1/events/ws')
  const messages = Object.entries<{ title: string; payload: unknown }>(document.components.messages)
  expect(messages.map(([type]) => type)).toEqual(Object.keys(document.channels.events.messages))
  for (const [, { title, payload }] of messages) {
    expect(title).toMatch(/^([A-Z][a-z]+)+Message$/)
    expect(payload).toEqual({ $ref: `#/components/schemas/${title}` })
  }
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(['Event', 'EventInput', 'EventFilter']),
  )
})

test.each([true, false])('it passes the rules of Spectral, with tokens: %s', async (hasTokens) => {
  const tokens = [{ name: 'one', role: 'viewer', hash: createToken().hash }] as const
  const { app } = await eventsApp({ module: hasTokens ? { tokens } : {} })
  const document = (await app.inject(PATH)).json()
  expect(await lint('asyncapi', document, ['asyncapi-info-contact-properties'])).toEqual([])
})

test('its server is the one that was asked', async () => {
  const { url } = await listeningApp()
  const document = JSON.parse(await (await fetch(`${url}/asyncapi.json`)).text())
  expect(document.servers.events).toMatchObject({ host: new URL(url).host, protocol: 'ws' })
  expect(document.channels.events.servers).toEqual([{ $ref: '#/servers/events' }])
})

test('its server is asked over TLS where a trusted proxy says so', async () => {
  const { app } = await eventsApp({
    fastify: { trustProxy: true },
    module: { tokens: [] },
  })
  const headers = { host: 'events.example', 'x-forwarded-proto': 'https' }
  const document = (await app.inject({ url: PATH, headers })).json()
  expect(document.servers.events).toMatchObject({ host: 'events.example', protocol: 'wss' })
})
