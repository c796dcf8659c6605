// What it costs to deliver an event to its subscribers without storing it.
import { EventEmitter } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { createEventBus, type EventBus, type EventFilter, type EventInput } from '@viewra/events-core'
import Emittery from 'emittery'
import EventEmitter3 from 'eventemitter3'
import mitt from 'mitt'
import { type Contender, Contest } from '../harness/contest.ts'
import type { Report } from '../harness/report.ts'
import type { Settings } from '../harness/settings.ts'
import { bareSum } from './dispatch/bare-sum.ts'

const TYPE = 'playback.progress'
const SUBSCRIBERS = [0, 1, 10, 100]
/** Deliveries per round: the number of events is chosen to make this many calls. */
const DELIVERIES = 400_000
const MAX_EVENTS = 100_000
/** Events that are published before subscribers get their turn: the default capacity of a queue. */
const BURST = 1_000

const TYPES = Array.from({ length: 20 }, (_, index) => `bench.type_${index}`)
const FILTERED = 100

export async function suite(report: Report, settings: Settings): Promise<void> {
  await compareWithLimit(report, settings)
  for (const subscribers of SUBSCRIBERS) {
    const contenders = [
      bareLoop(subscribers),
      withMitt(subscribers),
      withNodeEmitter(subscribers),
      withEventEmitter3(subscribers),
      withEmittery(subscribers),
      await ours(
        'viewra publishAsync',
        Array.from({ length: subscribers }, () => ({ types: [TYPE] })),
      ),
    ]
    const title = `${subscribers} subscribers, events made beforehand but for ours`
    report.add(await Contest.run({ title, contenders, reference: 'mitt', rounds: settings.rounds }))
  }
  await compareFiltered(report, settings)
}

async function compareWithLimit(report: Report, { rounds }: Settings): Promise<void> {
  const filters = [{ types: [TYPE] }]
  const contest = await Contest.run({
    title: 'live only, 1 subscriber, against the bare sum: id + timestamp + check + freeze + mitt emit',
    contenders: [
      limit(),
      await ours('viewra publishAsync', filters),
      await ours('viewra publish, awaited', filters, publishAwaited),
    ],
    rounds,
  })
  report.add(contest)
  const what = 'live only, 1 subscriber, relative to the bare sum'
  report.target(what, contest.ratio('viewra publishAsync', 'bare sum'), { atLeast: 0.6 })
  report.target(
    what.replace(', relative to the bare sum', ''),
    contest.figure('viewra publishAsync') / 1e6,
    { atLeast: 1 },
    ' M/s',
  )
}

/** The cost per event must grow with the matching subscriptions, not with all of them. */
async function compareFiltered(report: Report, { rounds }: Settings): Promise<void> {
  const filters = Array.from({ length: FILTERED }, (_, index) => ({
    types: [TYPES[index % TYPES.length] ?? ''],
    minPriority: 3,
  }))
  const matching = filters.filter(({ types }) => types.includes(TYPES[0] ?? ''))
  const [all, only] = [`${FILTERED} subscriptions`, `the ${matching.length} that match`]
  const publishOfFirstType: Publish = (bus, events, handled) => publishAsync(bus, events, handled, TYPES[0])
  const contest = await Contest.run({
    title: `${FILTERED} filtered subscriptions over ${TYPES.length} types, events of one of them`,
    contenders: [
      await ours(only, matching, publishOfFirstType),
      await ours(all, filters, publishOfFirstType),
    ],
    rounds,
  })
  report.add(contest)
  report.target('cost relative to having only the matching subscriptions', contest.ratio(only, all), {
    atMost: 1.2,
  })
}

function eventsFor(subscribers: number): number {
  return Math.min(MAX_EVENTS, DELIVERIES / Math.max(1, subscribers))
}

/** Runs `work` and returns its events per second; each event must be delivered the expected number of times. */
async function measured(
  events: number,
  deliveries: () => number,
  expected: number,
  work: () => Promise<void> | void,
) {
  const before = deliveries()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1_000
  const delivered = deliveries() - before
  if (delivered !== expected) throw new Error(`expected ${expected} deliveries, not ${delivered}`)
  return { 'events/s': events / seconds }
}

function input(n: number, type = TYPE): EventInput {
  return { type, source: 'plugin:player', data: { item_id: n, position_ms: n * 10, paused: false } }
}

/** Resolves when the given number of the round's events have reached all their subscribers. */
type Handled = (events: number) => Promise<void>
type Publish = (bus: EventBus, events: number, handled: Handled) => Promise<void>

async function publishAsync(bus: EventBus, events: number, handled: Handled, type = TYPE): Promise<void> {
  for (let n = 0; n < events; n++) {
    bus.publishAsync(input(n, type))
    if (n % BURST === BURST - 1 || n === events - 1) await handled(n + 1)
  }
}

async function publishAwaited(bus: EventBus, events: number, handled: Handled): Promise<void> {
  const burst: Promise<unknown>[] = []
  for (let n = 0; n < events; n++) {
    burst.push(bus.publish(input(n)))
    if (burst.length < BURST) continue
    await Promise.all(burst.splice(0))
    await handled(n + 1)
  }
}

async function ours(
  name: string,
  filters: readonly EventFilter[],
  publish: Publish = publishAsync,
): Promise<Contender> {
  const bus = createEventBus({ persist: 'none' })
  await bus.start()
  let delivered = 0
  for (const filter of filters) await bus.subscribe(filter, () => void delivered++)
  const matching = filters.filter(({ types }) => types?.includes(filters[0]?.types?.[0] ?? '')).length
  const events = eventsFor(matching)
  const round = () => {
    const before = delivered
    const handled = async (count: number) => {
      do await setImmediate()
      while (delivered - before < count * matching)
    }
    return measured(
      events,
      () => delivered,
      events * matching,
      () => publish(bus, events, handled),
    )
  }
  return { name, round }
}

function limit(): Contender {
  const sum = bareSum(TYPE)
  const round = () =>
    measured(
      MAX_EVENTS,
      () => sum.delivered,
      MAX_EVENTS,
      () => {
        for (let n = 0; n < MAX_EVENTS; n++) sum.publish(input(n))
      },
    )
  return { name: 'bare sum', round }
}

/** A peer that calls its listeners synchronously: `on` adds one, `emit` calls them all. */
function peer(
  name: string,
  subscribers: number,
  on: (listener: (event: unknown) => void) => void,
  emit: (event: unknown) => unknown,
): Contender {
  let delivered = 0
  for (let index = 0; index < subscribers; index++) on(() => void delivered++)
  const events = eventsFor(subscribers)
  const event = Object.freeze(input(1))
  const emitAll = () => {
    for (let n = 0; n < events; n++) emit(event)
  }
  return { name, round: () => measured(events, () => delivered, events * subscribers, emitAll) }
}

function bareLoop(subscribers: number): Contender {
  const listeners: ((event: unknown) => void)[] = []
  return peer(
    'bare loop',
    subscribers,
    (listener) => listeners.push(listener),
    (event) => {
      for (const listener of listeners) listener(event)
    },
  )
}

function withMitt(subscribers: number): Contender {
  const emitter = mitt<Record<string, unknown>>()
  return peer(
    'mitt',
    subscribers,
    (listener) => emitter.on(TYPE, listener),
    (event) => emitter.emit(TYPE, event),
  )
}

function withNodeEmitter(subscribers: number): Contender {
  const emitter = new EventEmitter().setMaxListeners(subscribers)
  return peer(
    'node EventEmitter',
    subscribers,
    (listener) => emitter.on(TYPE, listener),
    (event) => emitter.emit(TYPE, event),
  )
}

function withEventEmitter3(subscribers: number): Contender {
  const emitter = new EventEmitter3()
  return peer(
    'eventemitter3',
    subscribers,
    (listener) => emitter.on(TYPE, listener),
    (event) => emitter.emit(TYPE, event),
  )
}

/** Its emit is asynchronous: as many are in flight as ours has in a burst. */
function withEmittery(subscribers: number): Contender {
  const emitter = new Emittery<Record<string, unknown>>()
  let delivered = 0
  for (let index = 0; index < subscribers; index++) emitter.on(TYPE, () => void delivered++)
  const events = eventsFor(subscribers) / 4
  const event = Object.freeze(input(1))
  const emitAll = async () => {
    const burst: Promise<unknown>[] = []
    for (let n = 0; n < events; n++) {
      burst.push(emitter.emit(TYPE, event))
      if (burst.length === BURST || n === events - 1) await Promise.all(burst.splice(0))
    }
  }
  return { name: 'emittery', round: () => measured(events, () => delivered, events * subscribers, emitAll) }
}
