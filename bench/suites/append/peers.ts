import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'
import { Logger, makeWorkerUtils } from 'graphile-worker'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { eventAt } from '../../harness/events.ts'
import { insertStatement, insertValues } from '../../harness/raw-postgres.ts'
import { rowAt } from '../../harness/rows.ts'

/** What others would use to store an event in PostgreSQL before they continue. */
export interface Peer {
  readonly name: string
  readonly publish: (n: number) => Promise<unknown>
  readonly stop: () => Promise<void>
}

const CONNECTIONS = 10

/** @param schema of a store whose events table is filled without a bus */
export async function peers(url: string, schema: string): Promise<readonly Peer[]> {
  return [await pool(url, schema), await pgBoss(url), await graphileWorker(url), await emmett(url)]
}

async function pool(url: string, schema: string): Promise<Peer> {
  const connections = new pg.Pool({ connectionString: url, max: CONNECTIONS })
  const text = insertStatement(`${schema}.events`)
  let position = 0
  return {
    name: 'one insert per event, pool of 10',
    publish: (n) => connections.query({ name: 'insert', text, values: insertValues(rowAt(n), ++position) }),
    stop: () => connections.end(),
  }
}

async function pgBoss(url: string): Promise<Peer> {
  const boss = new PgBoss({ connectionString: url, max: CONNECTIONS, supervise: false, schedule: false })
  await boss.start()
  await boss.createQueue('events')
  return {
    name: 'pg-boss',
    publish: (n) => boss.send('events', eventAt(n)),
    stop: () => boss.stop({ graceful: false }),
  }
}

async function graphileWorker(url: string): Promise<Peer> {
  const logger = new Logger(() => () => undefined)
  const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: CONNECTIONS, logger })
  await utils.migrate()
  return {
    name: 'graphile-worker',
    publish: (n) => utils.addJob('event', eventAt(n)),
    stop: async () => void (await utils.release()),
  }
}

/** Each publisher's events form a separate stream, so that none waits for another's version. */
async function emmett(url: string): Promise<Peer> {
  const store = getPostgreSQLEventStore(url)
  await store.schema.migrate()
  return {
    name: 'emmett',
    publish: (n) => {
      const { type, data = {}, ...metadata } = eventAt(n)
      return store.appendToStream(`stream-${n}`, [{ type, data: { ...data, ...metadata } }])
    },
    stop: () => store.close(),
  }
}
