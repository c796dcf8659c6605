import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { eventTypesDoc } from '../../../../scripts/event-types-doc.ts'

it('docs/event-types.md says what the schemas say; the script that writes it is named there', () => {
  const page = readFileSync(new URL('../../../../docs/event-types.md', import.meta.url), 'utf8')
  expect(page).toBe(eventTypesDoc())
})
