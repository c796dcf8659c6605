import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { holderOf, PARTITION } from './holder.ts'
import { makeRecord } from './record.ts'
import { snapshotOf } from './snapshot.ts'

export const commitPersistenceTests: ContractTests = {
  'documents, leases, state and outputs survive a restart': async (context) => {
    const { storage, scope } = context
    const holder = await holderOf(storage)
    await storage.leases.claim(holder.lease.name, 'test', 'other')
    await holder.commit({
      checkpoint: { ...PARTITION, position: 5 },
      documents: [{ collection: scope, key: 'a', value: { n: 1 } }],
      state: { ...PARTITION, put: [{ key: 'a', value: '1', dueMs: 5, touched: 1 }], delete: [] },
      append: [makeRecord({ id: 'output' })],
    })
    const before = await snapshotOf(storage, scope)
    const again = await context.reopen(storage)
    expect(await snapshotOf(again, scope)).toStrictEqual(before)
    expect(await again.state.nextDue(PARTITION)).toBe(5)
    // A process that was only slow keeps its lease.
    expect(await again.leases.renew(holder.lease)).toEqual({ token: holder.lease.token, claimed: true })
    await again.close()
  },

  'versions continue after a restart, even if the newest document was deleted before': async (context) => {
    const { storage, scope } = context
    const deleted = await storage.documents.put(scope, 'a', 1)
    const last = await storage.documents.delete(scope, 'a')
    const again = await context.reopen(storage)
    const next = await again.documents.put(scope, 'a', 2, { expected: 'absent' })
    if (!deleted.written || !last.written || !next.written) throw new Error('a write was refused')
    expect(last.version).toBeGreaterThan(deleted.version)
    expect(next.version).toBeGreaterThan(last.version)
    await again.close()
  },

  'after a restart, no event is recorded before a time that was reached before it': async (context) => {
    const { storage, clock } = context
    const holder = await holderOf(storage)
    const { position } = await storage.head()
    const reachedMs = clock.now()
    await holder.commit({ onlyIf: { head: position, reachedMs } })
    clock.advance(-3_600_000)
    const again = await context.reopen(storage)
    const { recordedAt } = await again.append([makeRecord()])
    expect(Date.parse(recordedAt)).toBeGreaterThanOrEqual(reachedMs)
    await again.close()
  },
}
