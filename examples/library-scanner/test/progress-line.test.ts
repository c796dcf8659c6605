import { expect, test } from 'vitest'
import { formatBytes, ProgressLine } from '../src/progress-line.ts'

const progress = {
  scan_id: 's',
  library_id: 1,
  progress: 25,
  files_found: 40,
  files_processed: 9,
  bytes_processed: 1536,
  error_count: 1,
  current_file: '/music/\u001b[31mred',
}

function output(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, write: (text: string) => written.push(text), written }
}

test('overwrites one line in a terminal and removes it at the end', () => {
  const terminal = output(true)
  const line = new ProgressLine(terminal)
  line.show(progress)
  line.show({ ...progress, error_count: 0 })
  line.end()
  expect(terminal.written).toEqual([
    '\r\u001b[K[======                  ] 25.0 % 9/40 files, 1.5 KiB, 1 errors',
    '\r\u001b[K[======                  ] 25.0 % 9/40 files, 1.5 KiB',
    '\r\u001b[K',
  ])
})

test('writes a plain line every five seconds elsewhere', () => {
  let nowMs = 0
  const file = output(false)
  const line = new ProgressLine(file, () => nowMs)
  for (nowMs = 0; nowMs < 12_000; nowMs += 100) line.show(progress)
  line.end()
  expect(file.written).toEqual(Array.from({ length: 3 }, () => '25.0 % 9/40 files, 1.5 KiB, 1 errors\n'))
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1_500_000, '1.4 MiB'],
  [5 * 1024 ** 4, '5 TiB'],
  [2 ** 60, '1024 PiB'],
])('writes %i bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})
