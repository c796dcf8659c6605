import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventBus, EventInput } from '@viewra/events-core'
import { expect, onTestFinished, test } from 'vitest'
import { PATIENT } from './patience.ts'
import { busOn, databaseIn, finished, progress, stalledIn, started } from './playback.ts'
import { Program } from './program.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const KILLS = 6
const EVENTS_EACH = 80
const EVENTS = KILLS * EVENTS_EACH
const SESSIONS = 12
const STALLED_AFTER_MS = 60_000
const PACE_MS = 10

interface Input {
  /** The time at which it is recorded. */
  readonly atMs: number
  readonly event: EventInput
}

test('killed again and again, it publishes and shows the same as in one run', async () => {
  const inputs = randomInputs()
  const expected = sessionsAfter(inputs)
  expect(expected.stalled.length).toBeGreaterThan(20)
  expect(expected.watching.length).toBeGreaterThan(1)

  const inOneRun = await newLog(inputs)
  await publish(inOneRun, inputs)
  await finish(inOneRun)
  const killed = await newLog(inputs)
  const positions = await publishAndKill(killed, inputs)
  await finish(killed)

  const stalled = (await stalledIn(inOneRun.bus)).map(({ id, data, timestamp }) => ({ id, data, timestamp }))
  expect((await stalledIn(killed.bus)).map(({ id, data, timestamp }) => ({ id, data, timestamp }))).toEqual(
    stalled,
  )
  expect(stalled.map(({ data, timestamp }) => `${data.session_id} ${timestamp}`)).toEqual(expected.stalled)
  for (const log of [inOneRun, killed])
    expect(await shownBy(log, expected.watching.length)).toEqual(expected.watching)
  // Otherwise every kill would have come before or after all work.
  expect(new Set(positions).size).toBeGreaterThan(3)
  expect((await killed.bus.deadLetters.list({ limit: 1 })).total).toBe(0)
}, 240_000)

/**
 * Some sessions at a time, of which some finish, some fall silent and some of these resume. The times lie in the future: no
 * clock reaches them, so only the log's own time decides when a session has been silent for too long.
 */
function randomInputs(): readonly Input[] {
  let atMs = Date.now() + 3_600_000
  const events = { started, progress, finished }
  const kinds = ['started', 'progress', 'progress', 'progress', 'progress', 'finished'] as const
  return Array.from({ length: EVENTS }, (_, index) => {
    atMs += randomInt(15_000)
    const kind = kinds[randomInt(kinds.length)] ?? 'progress'
    const event = events[kind]({ session: `s${randomInt(SESSIONS)}`, seconds: index })
    return { atMs, event: { ...event, id: `in-${index}` } }
  })
}

/** Computes the expected sessions independently. */
function sessionsAfter(inputs: readonly Input[]) {
  const lastSeen = new Map<string, Input>()
  const stalled: { readonly dueMs: number; readonly session: string }[] = []
  const expire = (nowMs: number) => {
    for (const [session, { atMs }] of lastSeen) {
      if (atMs + STALLED_AFTER_MS > nowMs) continue
      stalled.push({ dueMs: atMs + STALLED_AFTER_MS, session })
      lastSeen.delete(session)
    }
  }
  for (const input of inputs) {
    expire(input.atMs)
    const session = String(input.event.data?.session_id)
    if (input.event.type === 'playback.finished') lastSeen.delete(session)
    else lastSeen.set(session, input)
  }
  return {
    stalled: stalled
      .sort((a, b) => a.dueMs - b.dueMs || (a.session < b.session ? -1 : 1))
      .map(({ dueMs, session }) => `${session} ${new Date(dueMs).toISOString()}`),
    watching: Array.from(
      lastSeen.keys(),
      (session) => `user of ${session} watches film of ${session}`,
    ).sort(),
  }
}

/** A log whose clock shows the time of what is being published. */
async function newLog(inputs: readonly Input[]) {
  const directory = await temporaryDirectory()
  onTestFinished(() => directory.remove())
  const path = databaseIn(directory.path)
  let nowMs = inputs[0]?.atMs ?? 0
  const bus = await busOn(path, () => nowMs)
  const publish = async ({ atMs, event }: Input) => {
    nowMs = atMs
    await bus.publish(event)
  }
  return { path, bus, publish }
}

type Log = Awaited<ReturnType<typeof newLog>>

async function publish(log: Log, inputs: readonly Input[]): Promise<void> {
  for (const input of inputs) await log.publish(input)
}

/** Publishes slowly, kills the program at random points, and returns how far it had got at each of them. */
async function publishAndKill(log: Log, inputs: readonly Input[]): Promise<readonly number[]> {
  const positions: number[] = []
  const publishing = (async () => {
    for (const [index, input] of inputs.entries()) {
      await log.publish(input)
      do await sleep(PACE_MS)
      while (index >= (positions.length + 1) * EVENTS_EACH)
    }
  })()
  while (positions.length < KILLS) {
    const before = positions.at(-1) ?? 0
    const program = startOn(log)
    const enough = before + 1 + randomInt(EVENTS_EACH / 2)
    await expect.poll(() => positionIn(log.bus), { ...PATIENT, interval: 2 }).toBeGreaterThanOrEqual(enough)
    await program.kill()
    positions.push(await positionIn(log.bus))
  }
  await publishing
  return positions
}

function startOn({ path }: Log): Program {
  return new Program(['--database', `sqlite:${path}`, '--lease-ms', '500'])
}

async function positionIn(bus: EventBus): Promise<number> {
  return (await bus.durable.list())[0]?.position ?? 0
}

/** Lets the program handle the rest. */
async function finish({ bus, ...log }: Log): Promise<void> {
  const program = startOn({ bus, ...log })
  await expect.poll(async () => (await bus.durable.list())[0]?.lag, PATIENT).toBe(0)
  expect(await program.stop()).toBe(0)
}

/** Returns the sessions that a newly started program shows, without positions. */
async function shownBy(log: Log, count: number): Promise<readonly string[]> {
  const program = startOn(log)
  await expect.poll(() => program.lines.length, PATIENT).toBeGreaterThanOrEqual(count)
  expect(await program.stop()).toBe(0)
  return program.lines.map((line) => line.replace(/ on tv.*/, '')).sort()
}
