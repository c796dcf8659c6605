import { expect } from 'vitest'
import { parseTimestamp } from '../event/timestamp.ts'
import type { Changes } from '../storage/contract/commit.ts'
import { STORAGE_LIMITS } from '../storage/limits.ts'
import { appendedBy } from './commit.ts'
import type { ContractContext, ContractTests } from './contract-context.ts'
import { makeFailure } from './failure.ts'
import { type Holder, holderOf, PARTITION, takeOver } from './holder.ts'
import { idsOf, listAll } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'
import { snapshotOf } from './snapshot.ts'

type Context = ContractContext
type Tests = ContractTests

/** Returns one change of each kind, every one of which would be visible. */
function changesOf({ scope }: Context): Required<Omit<Changes, 'onlyIf'>> {
  const put = [{ key: 'b', value: '1', dueMs: 1, touched: 1 }]
  return {
    checkpoint: { ...PARTITION, position: 99, missed: { from: 1, to: 2 } },
    failures: [makeFailure()],
    documents: [
      { collection: scope, key: 'a', value: 'changed' },
      { collection: scope, key: 'b', value: 1 },
      { collection: scope, key: 'c', value: undefined },
    ],
    state: { ...PARTITION, put, delete: ['a'] },
    append: [makeRecord({ id: 'output' })],
  }
}

/** Populates a store so that a commit by the holder could change something of each kind. */
async function populated(context: Context): Promise<Holder> {
  const { storage, scope } = context
  const holder = await holderOf(storage)
  await storage.append(makeRecords(2))
  for (const key of ['a', 'c']) await storage.documents.put(scope, key, 1)
  const put = [{ key: 'a', value: '1', dueMs: 5, touched: 1 }]
  await holder.commit({ state: { ...PARTITION, put, delete: [] } })
  return holder
}

/** By the reason of a refusal: a function that causes it and returns the further changes of the commit. */
const REASONS: Readonly<Record<string, (context: Context, holder: Holder) => Promise<Changes>>> = {
  lease_lost: async ({ storage }, holder) => {
    await takeOver(storage, holder.lease.name)
    return {}
  },
  log_grew: async ({ storage, clock }) => {
    const { position } = await storage.head()
    return { onlyIf: { head: position - 1, reachedMs: clock.now() } }
  },
  too_early: async ({ storage, clock }) => {
    const { position } = await storage.head()
    return { onlyIf: { head: position, reachedMs: clock.now() + 1 } }
  },
  conflict: async ({ scope }) => ({
    documents: [{ collection: scope, key: 'c', value: 2, expected: 'absent' }],
  }),
}

/** Yields each kind of change alone, and all of them. */
function* choices(context: Context): Generator<[string, Changes]> {
  const all = changesOf(context)
  for (const [kind, change] of Object.entries(all)) yield [kind, { [kind]: change }]
  yield ['everything', all]
}

const nothingVisible: Tests = {
  ...Object.fromEntries(
    Object.entries(REASONS).map(([reason, arrange]): [string, Tests[string]] => [
      `a commit leaves nothing visible if it is refused with ${reason}`,
      (context) => expectNothing(context, reason, arrange),
    ]),
  ),

  'a failed commit leaves nothing visible': async (context) => {
    const { storage, scope } = context
    const holder = await populated(context)
    const before = await snapshotOf(storage, scope)
    const tooLarge = 'x'.repeat(STORAGE_LIMITS.valueBytes)
    const brokenRecord = {
      ...makeRecord(),
      get event(): never {
        throw new Error('this record cannot be read')
      },
    }
    const all = changesOf(context)
    const failing: readonly Changes[] = [
      { ...all, documents: [...all.documents, { collection: scope, key: 'd', value: tooLarge }] },
      { ...all, documents: [...all.documents, { collection: scope, key: '', value: 1 }] },
      { ...all, state: { ...all.state, delete: ['\u0000'] } },
      { ...all, append: [...all.append, brokenRecord] },
    ]
    for (const changes of failing) {
      await expect(holder.commit(changes)).rejects.toThrow()
      expect(await snapshotOf(storage, scope)).toStrictEqual(before)
    }
    expect(await holder.commit(all)).toMatchObject({ committed: true })
  },

  'each of these changes is visible if it is not refused': async (context) => {
    const { storage, scope } = context
    const holder = await populated(context)
    for (const [kind, changes] of choices(context)) {
      if (kind === 'everything') continue
      const before = await snapshotOf(storage, scope)
      expect(await holder.commit(changes), kind).toMatchObject({ committed: true })
      expect(await snapshotOf(storage, scope), kind).not.toStrictEqual(before)
    }
  },

  'a refusal has the first reason that applies': async (context) => {
    const { storage, clock, scope } = context
    const holder = await populated(context)
    const { position } = await storage.head()
    const documents = [{ collection: scope, key: 'a', value: 2, expected: 'absent' as const }]
    const reachedMs = clock.now() + 1
    const reasonOf = async (changes: Changes) => {
      const answer = await holder.commit(changes)
      return answer.committed ? undefined : answer.reason
    }
    expect(await reasonOf({ documents, onlyIf: { head: position, reachedMs } })).toBe('too_early')
    expect(await reasonOf({ documents, onlyIf: { head: position - 1, reachedMs } })).toBe('log_grew')
    await takeOver(storage, holder.lease.name)
    expect(await reasonOf({ documents, onlyIf: { head: position - 1, reachedMs } })).toBe('lease_lost')
  },
}

async function expectNothing(
  context: Context,
  reason: string,
  arrange: (context: Context, holder: Holder) => Promise<Changes>,
): Promise<void> {
  const { storage, scope } = context
  const holder = await populated(context)
  const obstacle = await arrange(context, holder)
  const before = await snapshotOf(storage, scope)
  for (const [kind, changes] of choices(context)) {
    // The last document is the one in conflict, so that those before it would already be written.
    const documents = [...(changes.documents ?? []), ...(obstacle.documents ?? [])]
    const answer = await holder.commit({ ...changes, ...obstacle, documents: withoutRepeats(documents) })
    expect(answer, kind).toEqual({ committed: false, reason })
    expect(await snapshotOf(storage, scope), kind).toStrictEqual(before)
  }
}

/** Returns the last change of each document: otherwise the conflicting change would find an earlier deletion. */
function withoutRepeats(changes: NonNullable<Changes['documents']>): NonNullable<Changes['documents']> {
  return [...new Map(changes.map((change) => [change.key, change])).values()]
}

const gone: Tests = {
  'a deleted partition accepts no checkpoint and no state': async (context) => {
    const { storage, scope } = context
    const { lease } = await holderOf(storage)
    const partitions = [
      { name: 'none', partition: 0 },
      { name: 'mail', partition: 1 },
    ]
    for (const partition of partitions) {
      const put = [{ key: 'a', value: '1', dueMs: null, touched: 1 }]
      for (const changes of [
        { checkpoint: { ...partition, position: 1 } },
        { state: { ...partition, put, delete: [] } },
      ]) {
        const documents = [{ collection: scope, key: 'a', value: 1 }]
        const answer = await storage.commit(lease, { ...changes, documents })
        expect(answer).toEqual({ committed: false, reason: 'lease_lost' })
      }
    }
    expect((await storage.documents.list(scope, { limit: 1 })).documents).toEqual([])
  },

  'a concurrent deletion or reset leaves nothing of a commit in the subscription': async (context) => {
    const { storage } = context
    const other = await context.beside()
    for (let round = 0; round < 12; round++) {
      const holder = await holderOf(storage)
      const { checkpoint, failures, state } = changesOf(context)
      const change =
        round % 2 === 0 ? other.subscriptions.delete('mail') : other.subscriptions.reset('mail', 3)
      await Promise.all([change, holder.commit({ checkpoint, state, failures })])
      expect(await storage.state.size(PARTITION)).toEqual({ keys: 0, bytes: 0 })
      if (round % 2 === 0) expect((await storage.deadLetters.list({ limit: 1 })).total).toBe(0)
      else expect(await storage.subscriptions.list('mail')).toMatchObject([{ position: 3, missed: null }])
      expect(await holder.commit({})).toEqual({ committed: false, reason: 'lease_lost' })
    }
  },

  'either a commit succeeds, or the lease is taken over from its holder': async (context) => {
    const { storage } = context
    const other = await context.beside()
    for (let round = 1; round <= 12; round++) {
      const holder = await holderOf(storage)
      const seen = await other.leases.acquire(holder.lease.name, 'other')
      if (seen.acquired) throw new Error('nobody held it')
      const [answer, taken] = await Promise.all([
        holder.commit({ checkpoint: { ...PARTITION, position: round } }),
        other.leases.acquire(holder.lease.name, 'other', seen.sign),
      ])
      expect(answer.committed).toBe(!taken.acquired)
      const [partition] = await storage.subscriptions.list('mail')
      expect(partition?.position === round).toBe(answer.committed)
      expect(await storage.subscriptions.reset('mail', 0)).toBe(true)
    }
  },
}

const conditions: Tests = {
  'a commit succeeds if its condition holds': async ({ storage, clock, base }) => {
    const holder = await holderOf(storage)
    await storage.append(makeRecords(2))
    const onlyIf = { head: base + 2, reachedMs: clock.now() }
    const answer = await holder.commit({ onlyIf, append: makeRecords(2) })
    expect(appendedBy(answer).receipts.map(({ position }) => position)).toEqual([base + 3, base + 4])
    // Its own outputs make the log grow.
    expect(await holder.commit({ onlyIf })).toMatchObject({ reason: 'log_grew' })
  },

  'deleting the events after a head does not restore that head': async ({ storage, base }) => {
    const holder = await holderOf(storage)
    await storage.append(makeRecords(2))
    await storage.clear()
    const reachedMs = 0
    expect(await holder.commit({ onlyIf: { head: base, reachedMs } })).toMatchObject({ reason: 'log_grew' })
    expect(await holder.commit({ onlyIf: { head: base + 2, reachedMs } })).toMatchObject({ committed: true })
  },

  'a concurrent append comes after a commit, or makes it fail': async (context) => {
    const { storage, base } = context
    const other = await context.beside()
    const holder = await holderOf(storage)
    let head = base
    for (let round = 0; round < 20; round++) {
      const [answer, appended] = await Promise.all([
        holder.commit({ onlyIf: { head, reachedMs: 0 }, append: [makeRecord({ id: `output ${round}` })] }),
        other.append([makeRecord({ id: `event ${round}` })]),
      ])
      const first = answer.committed ? appendedBy(answer) : appended
      expect(first.receipts).toEqual([{ position: head + 1, duplicate: false }])
      expect(appended.receipts[0]?.position).toBe(head + (answer.committed ? 2 : 1))
      if (!answer.committed) expect(answer.reason).toBe('log_grew')
      head = (await storage.head()).position
    }
    const outputs = idsOf(await listAll(storage)).filter((id) => id.startsWith('output'))
    expect(new Set(outputs).size).toBe(outputs.length)
  },

  'no event is recorded before a time that the condition of a commit required': async ({
    storage,
    clock,
  }) => {
    const holder = await holderOf(storage)
    const reachedMs = clock.now()
    const head = (await storage.head()).position
    expect(await holder.commit({ onlyIf: { head, reachedMs: reachedMs + 1 } })).toMatchObject({
      reason: 'too_early',
    })
    expect(await holder.commit({ onlyIf: { head, reachedMs } })).toMatchObject({ committed: true })
    clock.advance(-3_600_000)
    const appended = [
      await storage.append([makeRecord()]),
      appendedBy(await holder.commit({ append: [makeRecord()] })),
    ]
    for (const { recordedAt } of appended)
      expect(parseTimestamp(recordedAt)).toBeGreaterThanOrEqual(reachedMs)
    // The time stays reached even if the clock is set back.
    const now = (await storage.head()).position
    expect(await holder.commit({ onlyIf: { head: now, reachedMs } })).toMatchObject({ committed: true })
  },
}

export const refusedCommitTests: Tests = { ...nothingVisible, ...gone, ...conditions }
