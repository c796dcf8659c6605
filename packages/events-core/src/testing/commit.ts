import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import type { CommitResult } from '../storage/contract/commit.ts'
import type { AppendResult } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { makeFailure } from './failure.ts'
import { acquired, holderOf, PARTITION } from './holder.ts'
import { idsOf, listAll, positionsOf } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

type Tests = ContractTests

/** Returns the append result of a commit, which must have succeeded. */
export function appendedBy(result: CommitResult): AppendResult {
  if (!result.committed) throw new Error(`refused: ${result.reason}`)
  if (result.append === undefined) throw new Error('nothing was to be appended')
  return result.append
}

const progress: Tests = {
  'a commit without changes renews the lease': async ({ storage, scope }) => {
    const lease = await acquired(storage, `${scope}a`)
    const { token } = lease
    expect(await storage.commit(lease, {})).toStrictEqual({
      committed: true,
      lease: { token, claimed: false },
      paused: false,
    })
    expect(await storage.commit(lease, { append: [], documents: [], failures: [] })).not.toHaveProperty(
      'append',
    )
  },

  'a checkpoint is saved with its time, and its position never decreases': async ({ storage, clock }) => {
    const holder = await holderOf(storage)
    clock.advance(1_000)
    await holder.commit({ checkpoint: { ...PARTITION, position: 9 } })
    const saved = formatTimestamp(clock.now())
    clock.advance(1_000)
    for (const position of [8, 0, 9, undefined])
      await holder.commit({ checkpoint: { ...PARTITION, ...(position !== undefined && { position }) } })
    expect(await storage.subscriptions.list('mail')).toMatchObject([{ position: 9, saved }])
    const position = Number.MAX_SAFE_INTEGER
    await holder.commit({ checkpoint: { ...PARTITION, position } })
    expect(await storage.subscriptions.list('mail')).toMatchObject([{ position }])
  },

  'the missed range is kept until a later commit replaces it': async ({ storage }) => {
    const holder = await holderOf(storage)
    const checkpoints = [
      { position: 20, missed: { from: 8, to: 19 } },
      { position: 21 },
      { missed: { from: 22, to: 25 } },
    ]
    const kept = []
    for (const checkpoint of checkpoints) {
      await holder.commit({ checkpoint: { ...PARTITION, ...checkpoint } })
      kept.push((await storage.subscriptions.list('mail'))[0]?.missed)
    }
    expect(kept).toEqual([
      { from: 8, to: 19 },
      { from: 8, to: 19 },
      { from: 22, to: 25 },
    ])
  },

  'a commit with a checkpoint says whether the subscription is paused': async ({ storage }) => {
    const holder = await holderOf(storage)
    for (const paused of [true, false]) {
      await storage.subscriptions.setPaused('mail', paused)
      expect(await holder.commit({ checkpoint: PARTITION })).toMatchObject({ paused })
      expect(await holder.commit({})).toMatchObject({ paused: false })
    }
  },

  'a checkpoint changes only its own partition': async ({ storage }) => {
    await storage.subscriptions.create('mail', 3, 1)
    await storage.subscriptions.create('post', 2, 1)
    const partition = { name: 'mail', partition: 1 }
    await (await holderOf(storage, partition)).commit({ checkpoint: { ...partition, position: 5 } })
    const positions = (await storage.subscriptions.list()).map(({ position }) => position)
    expect(positions).toEqual([1, 5, 1, 1, 1])
  },

  'failures become dead letters, or add their attempts to existing ones': async ({ storage }) => {
    const holder = await holderOf(storage)
    const failures = ['a', 'b'].map((id) => makeFailure({ event: { id }, attempts: 2 }))
    await holder.commit({ failures })
    await holder.commit({ failures: [makeFailure({ event: { id: 'a' }, error: 'again', attempts: 3 })] })
    const { deadLetters } = await storage.deadLetters.list({ limit: 10 })
    expect(deadLetters.map(({ event, error, attempts }) => [event.id, error, attempts])).toEqual([
      ['b', failures[1]?.error, 2],
      ['a', 'again', 5],
    ])
  },

  'documents are written one after the other, each with its own version': async ({ storage, scope }) => {
    const lease = await acquired(storage, `${scope}lease`)
    const document = (key: string, value: number | undefined) => ({ collection: scope, key, value })
    await storage.documents.put(scope, 'gone', 1)
    const before = await storage.documents.put(scope, 'seen', 1)
    const expected = before.written ? before.version : 0
    const answer = await storage.commit(lease, {
      documents: [
        { ...document('a', 1), expected: 'absent' },
        document('a', 2),
        { ...document('gone', undefined), expected: expected - 1 },
        { ...document('gone', undefined), expected: 'absent' },
        { ...document('seen', 2), expected },
        document('never there', undefined),
      ],
    })
    expect(answer).toMatchObject({ committed: true })
    const { documents } = await storage.documents.list(scope, { limit: 10 })
    expect(documents).toMatchObject([
      { key: 'a', value: 2 },
      { key: 'seen', value: 2 },
    ])
    const [a, seen] = documents.map(({ version }) => version)
    expect(Number(a)).toBeGreaterThan(expected)
    expect(Number(seen)).toBeGreaterThan(Number(a))
  },

  'a commit changes nothing that it does not name': async ({ storage, scope }) => {
    const holder = await holderOf(storage)
    const put = [{ key: 'a', value: '1', dueMs: 5, touched: 1 }]
    await holder.commit({
      checkpoint: { ...PARTITION, position: 7 },
      state: { ...PARTITION, put, delete: [] },
      documents: [{ collection: scope, key: 'a', value: 1 }],
    })
    await holder.commit({ append: [makeRecord()] })
    expect(await storage.subscriptions.list('mail')).toMatchObject([{ position: 7 }])
    expect(await storage.state.read(PARTITION, ['a'])).toEqual(put)
    expect(await storage.documents.get(scope, 'a')).toMatchObject({ value: 1 })
  },
}

const outputs: Tests = {
  'outputs are appended like other events, and the result has their receipts': async ({
    storage,
    base,
    clock,
  }) => {
    const holder = await holderOf(storage)
    const first = await storage.append(makeRecords(2))
    clock.advance(1_234)
    const batch = [makeRecord({ id: 'a' }), makeRecord({ id: 'b', data: { n: 1 }, tags: ['x'] })]
    const answer = appendedBy(await holder.commit({ append: batch }))
    expect(answer).toEqual({
      recordedAt: formatTimestamp(clock.now()),
      receipts: [3, 4].map((number) => ({ position: base + number, duplicate: false })),
    })
    expect((await storage.head()).position).toBe(base + 4)
    expect(positionsOf(first.receipts, base)).toEqual([1, 2])
    const stored = (await listAll(storage)).slice(2)
    expect(stored).toEqual(
      batch.map(({ event }, index) => ({
        ...event,
        position: base + 3 + index,
        recorded_at: answer.recordedAt,
      })),
    )
    expect(await storage.totals()).toMatchObject({ total: 4, byType: { 'test.event': 4 } })
  },

  'an id that is already stored, or occurs earlier in the batch, is a duplicate': async ({
    storage,
    base,
  }) => {
    const holder = await holderOf(storage)
    await storage.append([makeRecord({ id: 'a', title: 'first' })])
    const ids = ['b', 'a', 'c', 'b']
    const { receipts } = appendedBy(await holder.commit({ append: ids.map((id) => makeRecord({ id })) }))
    expect(positionsOf(receipts, base)).toEqual([2, 1, 3, 2])
    expect(receipts.map(({ duplicate }) => duplicate)).toEqual([false, true, false, true])
    expect((await storage.get('a'))?.title).toBe('first')
    expect((await storage.head()).position).toBe(base + 3)
  },

  'a repeated commit stores its outputs once': async ({ storage, base }) => {
    const holder = await holderOf(storage)
    const changes = { checkpoint: { ...PARTITION, position: 5 }, append: makeRecords(3) }
    const first = appendedBy(await holder.commit(changes))
    const again = appendedBy(await holder.commit(changes))
    expect(positionsOf(again.receipts)).toEqual(positionsOf(first.receipts))
    expect(again.receipts.every(({ duplicate }) => duplicate)).toBe(true)
    expect((await storage.head()).position).toBe(base + 3)
  },

  'concurrent commits and appends get positions without holes, consecutive within each batch': async (
    context,
  ) => {
    const { storage, scope, base } = context
    const other = await context.beside()
    const leases = await Promise.all(
      Array.from({ length: 4 }, (_, index) => acquired(storage, `${scope}${index}`)),
    )
    const batches = Array.from({ length: 24 }, (_, index) => makeRecords((index % 3) + 1))
    const results = await Promise.all(
      batches.map((append, index) => {
        const store = index % 2 === 0 ? storage : other
        const lease = leases[index % 6]
        return lease === undefined ? store.append(append) : store.commit(lease, { append }).then(appendedBy)
      }),
    )
    const positions = results.map(({ receipts }) => positionsOf(receipts, base))
    for (const batch of positions) expect(batch).toEqual(batch.map((_, index) => Number(batch[0]) + index))
    const all = positions.flat().toSorted((a, b) => a - b)
    expect(all).toEqual(all.map((_, index) => index + 1))
    expect((await listAll(storage)).length).toBe(all.length)
  },

  'two concurrent commits with the same output store it once': async (context) => {
    const { storage, scope } = context
    const other = await context.beside()
    const leases = [await acquired(storage, `${scope}a`), await acquired(storage, `${scope}b`)]
    for (let round = 0; round < 10; round++) {
      const results = await Promise.all(
        leases.map((lease, index) =>
          (index === 0 ? storage : other).commit(lease, { append: [makeRecord({ id: `same ${round}` })] }),
        ),
      )
      const receipts = results.map((result) => appendedBy(result).receipts[0])
      expect(receipts.filter((receipt) => receipt?.duplicate === false)).toHaveLength(1)
      expect(receipts[0]?.position).toBe(receipts[1]?.position)
    }
    expect(idsOf(await listAll(storage))).toEqual(Array.from({ length: 10 }, (_, round) => `same ${round}`))
  },

  'outputs expire, and are searched and removed like any event': async ({ storage, clock }) => {
    const holder = await holderOf(storage)
    const timestamp = formatTimestamp(clock.now())
    const append = [makeRecord({ id: 'a', ttl: 10, timestamp }), makeRecord({ id: 'b', tags: ['x'] })]
    await holder.commit({ append })
    expect(idsOf(await listAll(storage, { tags: ['x'] }))).toEqual(['b'])
    clock.advance(10)
    expect(await storage.count()).toBe(1)
    expect(await storage.sweepExpired()).toBe(1)
    expect(await storage.delete('b')).toBe(true)
    expect((await storage.totals()).total).toBe(0)
  },

  'outputs wake watchers of the log in another process': async (context) => {
    const holder = await holderOf(context.storage)
    const other = await context.beside()
    // A store of one process has no one to wake: its own readers learn of outputs from the result.
    if (other === context.storage) return
    let isAwake = false
    const unwatch = other.watch(() => {
      isAwake = true
    })
    while (!isAwake) {
      await holder.commit({ append: [makeRecord()] })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    unwatch()
  },
}

export const commitTests: Tests = { ...progress, ...outputs }
