import { expect, test } from 'vitest'
import { type Output, Screen } from '../src/screen.ts'
import type { Session } from '../src/sessions.ts'

const MARIA: Session = {
  user_id: 'maria',
  media_id: 'Metropolis',
  device_id: 'tv',
  since_ms: Date.UTC(2026, 0, 31, 20, 15),
  progress_seconds: 600.9,
  duration_seconds: 9_000,
}
const BEN: Session = { ...MARIA, user_id: 'ben', media_id: 'M', progress_seconds: 0, duration_seconds: 0 }

class Recorder implements Output {
  readonly written: string[] = []
  readonly isTTY: boolean
  readonly columns: number
  readonly rows: number

  constructor(isTTY: boolean, columns = 80, rows = 24) {
    this.isTTY = isTTY
    this.columns = columns
    this.rows = rows
  }

  write(text: string): void {
    this.written.push(text)
  }
}

test('a terminal shows a table, which is redrawn when something changes', () => {
  const output = new Recorder(true)
  const screen = new Screen(output)
  for (let time = 0; time < 2; time++)
    screen.show(
      new Map([
        ['s1', MARIA],
        ['s2', BEN],
      ]),
    )
  screen.show(new Map())
  expect(output.written).toEqual([
    '\u001b[J2 watching\n' +
      'USER   MEDIA       DEVICE  POSITION            SINCE\n' +
      'maria  Metropolis  tv      0:10:00 of 2:30:00  20:15:00 UTC\n' +
      'ben    M           tv      0:00:00             20:15:00 UTC\n',
    '\u001b[4A\u001b[J0 watching\n',
  ])
})

test('a table never wraps or scrolls, or the next one would be drawn at the wrong place', () => {
  const output = new Recorder(true, 12, 6)
  new Screen(output).show(new Map(Array.from({ length: 9 }, (_, i) => [`s${i}`, MARIA])))
  const lines = output.written.join('').slice('\u001b[J'.length).split('\n')
  expect(lines).toEqual(['9 watching', 'USER   MEDIA', 'maria  Metro', 'maria  Metro', '… and 7 more', ''])
})

test('elsewhere a line is printed for each session that begins or ends', () => {
  const output = new Recorder(false)
  const screen = new Screen(output)
  screen.show(new Map([['s1', MARIA]]))
  screen.show(new Map([['s1', { ...MARIA, progress_seconds: 3_661 }]]))
  screen.show(new Map([['s2', BEN]]))
  screen.show(new Map([['s2', { ...BEN, since_ms: BEN.since_ms + 1 }]]))
  expect(output.written).toEqual([
    'maria watches Metropolis on tv, 0:10:00 of 2:30:00\n',
    'maria no longer watches Metropolis on tv, 1:01:01 of 2:30:00\n',
    'ben watches M on tv, 0:00:00\n',
    'ben no longer watches M on tv, 0:00:00\n',
    'ben watches M on tv, 0:00:00\n',
  ])
})

test('names cannot control the terminal', () => {
  const output = new Recorder(false)
  new Screen(output).show(new Map([['s1', { ...MARIA, user_id: 'ma\u001b[2Jria\n' }]]))
  expect(output.written.join('')).toBe('ma\ufffd[2Jria\ufffd watches Metropolis on tv, 0:10:00 of 2:30:00\n')
})
