import { expect, test } from 'vitest'
import { StatusLines } from '../src/status-lines.ts'
import { emptyTally } from '../src/tally.ts'

test('prints a change of state at once, and changed figures every ten seconds', () => {
  const lines: string[] = []
  let nowMs = 0
  const status = new StatusLines(
    (line) => lines.push(line),
    () => nowMs,
  )
  const tally = emptyTally()
  status.show('waiting', tally)
  status.show('waiting', tally)
  expect(lines.splice(0)).toEqual(['Waiting: another enricher is at work, or was until just now'])
  status.show('running', tally)
  expect(lines.splice(0)).toEqual(['At work'])
  tally.enriched = 5
  status.show('running', tally)
  expect(lines).toEqual([])
  nowMs += 10_000
  status.show('running', tally)
  status.show('running', tally)
  expect(lines.splice(0)).toEqual(['5 enriched, 0 repeated, 0 skipped, 0 warnings, 0 failures'])
  nowMs += 60_000
  status.show('running', tally)
  expect(lines).toEqual([])
})
