import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { eventsApp } from './events-app.ts'

const PAGE = new URL('../../../docs/http-api.md', import.meta.url)

test('the page has every route, and no other', async () => {
  const routes = new Set<string>()
  await eventsApp({
    host: (app) => {
      app.addHook('onRoute', ({ method, routePath, url }) => {
        // The parts of the page for people are its own business.
        if (url.includes('/docs')) return
        const path = routePath === '' ? '/' : routePath.replace(/(.)\/$/, '$1')
        if (String(method) !== 'HEAD' && !routePath.includes('*')) routes.add(`${method} ${path}`)
      })
    },
  })
  const page = await readFile(PAGE, 'utf8')
  const headings = page.split('\n').filter((line) => line.startsWith('##'))
  const listed = headings.flatMap((line) => line.match(/(?:GET|POST|DELETE) \/[\w:/.-]*/g) ?? [])
  expect(new Set(listed)).toEqual(routes)
})

test('without docs there is no page for people, and the description for programs stays', async () => {
  const { app } = await eventsApp({ module: { docs: false } })
  expect((await app.inject('/api/v1/events/docs/static/index.html')).statusCode).toBe(404)
  expect((await app.inject('/api/v1/events/openapi.json')).statusCode).toBe(200)
})
