import { expect, onTestFinished, test, vi } from 'vitest'
import { PATIENT } from './patience.ts'
import { busOn, databaseIn, finished, progress, stalledIn, started } from './playback.ts'
import { Program } from './program.ts'
import { temporaryDirectory } from './temporary-directory.ts'

vi.setConfig({ testTimeout: 120_000 })

async function workplace() {
  const directory = await temporaryDirectory()
  onTestFinished(() => directory.remove())
  const path = databaseIn(directory.path)
  const programOn = (...options: readonly string[]) =>
    new Program(['--database', `sqlite:${path}`, '--lease-ms', '3000', ...options])
  return { path, bus: await busOn(path), programOn, directory: directory.path }
}

test('prints its usage, and exits with 2 when it is used wrongly', async () => {
  const program = new Program(['--help'])
  expect(await program.ended).toBe(0)
  expect(program.output).toMatch(/^Usage: now-playing/)
  const misused = new Program(['--stalled-after', 'never'])
  expect(await misused.ended).toBe(2)
  expect(misused.output).toMatch(/^now-playing: --stalled-after must .*\n.*--help/)
})

test('exits with 1 when the store cannot be opened', async () => {
  const { directory } = await workplace()
  const program = new Program(['--database', `sqlite:${directory}`])
  expect(await program.ended).toBe(1)
  expect(program.output).toMatch(/^now-playing: .+\n$/)
})

test('shows sessions from their first event until they finish, and stops when asked', async () => {
  const { bus, programOn } = await workplace()
  // Before the program is started for the first time.
  await bus.publishMany([started({ session: 'a' }), started({ session: 'b' })])
  const program = programOn()
  await expect.poll(() => program.lines.length, PATIENT).toBe(2)
  await bus.publish(progress({ session: 'a', seconds: 61 }))
  await bus.publish(finished({ session: 'b', seconds: 7 }))
  await bus.publish(progress({ session: 'c', seconds: 5 }))
  await expect.poll(() => program.lines.length, PATIENT).toBe(4)
  expect(program.lines).toEqual([
    'user of a watches film of a on tv, 0:00:00',
    'user of b watches film of b on tv, 0:00:00',
    'user of b no longer watches film of b on tv, 0:00:00',
    'user of c watches film of c on tv, 0:00:05 of 1:00:00',
  ])
  expect(await program.stop()).toBe(0)
  expect(await stalledIn(bus)).toEqual([])
})

test('a session that falls silent ends by itself, and may resume', async () => {
  const { bus, programOn } = await workplace()
  const program = programOn('--stalled-after', '1')
  // Otherwise the session might have ended before the program's first look.
  await expect.poll(async () => (await bus.durable.list())[0]?.state, PATIENT).toBe('running')
  await bus.publish(progress({ session: 'a', seconds: 1_800 }))
  await expect.poll(() => stalledIn(bus), PATIENT).toHaveLength(1)
  await bus.publish(progress({ session: 'a', seconds: 1_900 }))
  await expect.poll(() => stalledIn(bus), PATIENT).toHaveLength(2)
  expect(await stalledIn(bus)).toMatchObject([
    {
      type: 'playback.finished',
      data: { session_id: 'a', reason: 'stalled', finished: false, watch_percentage: 50 },
    },
    { type: 'playback.finished', data: { session_id: 'a', reason: 'stalled', progress_seconds: 1_900 } },
  ])
  await expect
    .poll(() => program.lines, PATIENT)
    .toEqual([
      'user of a watches film of a on tv, 0:30:00 of 1:00:00',
      'user of a no longer watches film of a on tv, 0:30:00 of 1:00:00',
      'user of a watches film of a on tv, 0:31:40 of 1:00:00',
      'user of a no longer watches film of a on tv, 0:31:40 of 1:00:00',
    ])
  expect(await program.stop()).toBe(0)
})

test('two programs show the same, and the one that waits takes over when the other crashes', async () => {
  const { bus, programOn } = await workplace()
  const first = programOn()
  await bus.publish(started({ session: 'a' }))
  await expect.poll(() => first.lines.length, PATIENT).toBe(1)
  const second = programOn()
  await expect.poll(() => second.lines, PATIENT).toEqual(first.lines)
  await first.kill()
  await bus.publish(finished({ session: 'a' }))
  await expect.poll(() => second.lines.at(-1), PATIENT).toMatch(/^user of a no longer watches/)
  expect(await second.stop()).toBe(0)
})

test('an invalid event becomes a dead letter and leaves its session as it was', async () => {
  const { bus, programOn } = await workplace()
  const program = programOn()
  await bus.publish(started({ session: 'a' }))
  const { data } = progress({ session: 'a' })
  await bus.publish({
    type: 'playback.progress',
    source: 'plugin:player',
    data: { ...data, current_time: -1 },
  })
  await bus.publish(started({ session: 'b' }))
  await expect.poll(() => program.lines.filter((line) => line.includes(' watches ')), PATIENT).toHaveLength(2)
  const { deadLetters } = await bus.deadLetters.list({ limit: 10 })
  expect(deadLetters).toMatchObject([{ error: expect.stringContaining('data.current_time must be') }])
  expect(program.output).toContain('data.current_time must be a number of at least 0')
})
