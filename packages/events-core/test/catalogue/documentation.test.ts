import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { eventTypesDoc } from '../../../../scripts/event-types-doc.ts'

it('docs/event-types.md matches the schemas, and names the script that writes it', () => {
  const page = readFileSync(new URL('../../../../docs/event-types.md', import.meta.url), 'utf8')
  expect(page).toBe(eventTypesDoc())
})
