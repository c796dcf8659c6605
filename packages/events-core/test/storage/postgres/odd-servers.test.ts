import { expect, onTestFinished, test } from 'vitest'
import { createEventBus } from '../../../src/index.ts'
import { Connections } from '../../../src/storage/postgres/connections.ts'
import { holderOf, PARTITION } from '../../../src/testing/holder.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { changesOf } from '../commit-steps.ts'
import { appendBySql, PostgresSetup } from './setup.ts'

// Default settings, as in production. Debian's server compiles statements (jit) by default.
const setup = await PostgresSetup.start({})
const { server } = setup

/** Settings that a role may have: each could slow down or break the store's statements. */
const ODD_SETTINGS = {
  jit: 'on',
  jit_above_cost: '0',
  plan_cache_mode: 'force_generic_plan',
  enable_indexscan: 'off',
  enable_bitmapscan: 'off',
  enable_nestloop: 'off',
  enable_sort: 'off',
  max_parallel_workers_per_gather: '8',
  parallel_setup_cost: '0',
  min_parallel_table_scan_size: '0',
  work_mem: "'64kB'",
  default_statistics_target: '1',
  statement_timeout: '2000',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '2000',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  DateStyle: "'German, DMY'",
  IntervalStyle: 'sql_standard',
  TimeZone: "'Asia/Kathmandu'",
  bytea_output: 'escape',
  extra_float_digits: '-15',
  client_encoding: 'LATIN1',
  search_path: 'in_the_way, pg_catalog',
}

/** Creates a role with its own settings that may use the database. */
async function urlOfOddRole(): Promise<string> {
  await server.query(`
    create role odd superuser login password 'odd';
    create schema in_the_way;
    create function in_the_way.starts_with(text, text) returns boolean language sql as 'select 1 / 0 = 1';
    create function in_the_way.unnest(text[]) returns setof text language sql as 'select null::text where 1 / 0 = 1';`)
  onTestFinished(async () => {
    await server.query('drop schema in_the_way cascade; drop owned by odd; drop role odd')
  })
  const settings = Object.entries(ODD_SETTINGS)
  await server.query(settings.map(([name, value]) => `alter role odd set ${name} = ${value}`).join(';'))
  return `postgres://odd:odd@127.0.0.1:${server.port}/postgres`
}

test('a role’s settings have no effect: time limits, isolation, search path, planner, formats', async () => {
  const url = await urlOfOddRole()
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema, url })
  onTestFinished(() => storage.close())
  const texts = ['back\\slash', "quo'te", '\\x1e', 'żółć 日本 😀', '\u0000']
  const records = texts.map((text) =>
    makeRecord({ type: 'odd.text', source: text, title: text, tags: [text], data: { [text]: text } }),
  )
  await storage.append(records)
  await storage.append(records)
  for (const { event } of records) {
    for (const filter of [{ sources: [event.source] }, { tags: event.tags }, { data: event.data }]) {
      expect((await storage.list({ filter, limit: 10 })).events).toMatchObject([{ id: event.id }])
    }
  }
  expect((await storage.list({ filter: { types: ['odd.*'], text: 'SLASH' }, limit: 10 })).total).toBe(1)
  expect((await storage.totals()).byType).toEqual({ 'odd.text': 5 })
  expect(await storage.delete(records[0]?.event.id ?? '')).toBe(true)
  const holder = await holderOf(storage)
  for (const step of [1, 2]) expect(await holder.commit(changesOf(step))).toMatchObject({ committed: true })
  expect(await storage.documents.list('steps', { limit: 10 })).toMatchObject({ documents: [{ value: 2 }] })
  expect((await storage.state.due(PARTITION, 2, 10)).map(({ key }) => key)).toEqual(['1', '2'])
  expect(await storage.trim({ types: ['test.*'], upTo: 1_000 })).toBe(2)
  expect(await storage.clear()).toBe(4)
})

test('every transaction pins its limits and the settings its plan relies on', async () => {
  const url = await urlOfOddRole()
  const connections = new Connections({
    connection: { connectionString: url },
    size: 1,
    statementTimeoutMs: 900,
  })
  onTestFinished(() => connections.end())
  const connection = await connections.take()
  onTestFinished(() => connections.giveBack(connection))
  const names = [
    'jit',
    'plan_cache_mode',
    'enable_indexscan',
    'statement_timeout',
    'lock_timeout',
    'transaction_isolation',
  ]
  const settings = async () => {
    const sql = `select ${names.map((name) => `current_setting('${name}') as ${name}`)}`
    return (await connection.executeQuery({ sql, parameters: [] })).rows[0]
  }
  const pinned = {
    jit: 'off',
    plan_cache_mode: 'auto',
    enable_indexscan: 'on',
    statement_timeout: '900ms',
    lock_timeout: '450ms',
  }
  expect(await settings()).toEqual({ ...pinned, transaction_isolation: 'read committed' })
  await connection.begin({ isolationLevel: 'repeatable read' })
  expect(await settings()).toEqual({ ...pinned, transaction_isolation: 'repeatable read' })
  await connection.end('commit')
  // A failed query is rolled back, and the connection stays usable.
  await expect(connection.executeQuery({ sql: 'select 1 / 0', parameters: [] })).rejects.toThrow(
    'division by zero',
  )
  expect(await settings()).toMatchObject(pinned)
})

test('the functions pin their settings, whoever calls them', async () => {
  const schema = setup.newSchema()
  await setup.openStore({ schema })
  const functions = `
    select proname as name, proconfig as settings from pg_proc
    where pronamespace = $1::regnamespace order by proname`
  expect(await server.query(functions, [schema])).toEqual([
    { name: 'append_events', settings: expect.arrayContaining(['jit=off', 'plan_cache_mode=auto']) },
    { name: 'subtract_counts', settings: expect.arrayContaining(['jit=off']) },
  ])
})

test('a publish takes milliseconds with the server’s default settings', async () => {
  const bus = createEventBus({ storage: setup.store({ schema: setup.newSchema() }) })
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  const times: number[] = []
  for (let i = 0; i < 15; i++) {
    const began = performance.now()
    await bus.publish({ type: 'info', source: 'test', title: 'quick', tags: ['a'], data: { i } })
    times.push(performance.now() - began)
  }
  // Compiling each time would take ten times as long.
  expect(times.sort((a, b) => a - b)[7]).toBeLessThan(200)
})

test('a temporary table of the same name does not hide ours', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const client = await setup.client()
  await client.query(
    'create temporary table events (position bigint); create temporary table log_head (position bigint)',
  )
  await appendBySql(client, schema, ['a', 'b'])
  expect(await storage.count()).toBe(2)
})

test.each(['SQL_ASCII', 'LATIN1', 'EUC_JP'])(
  'a database with the encoding %s is rejected with what to do',
  async (encoding) => {
    const name = encoding.toLowerCase()
    await server.query(`create database ${name} encoding '${encoding}' locale 'C' template template0`)
    const refusal = setup.store({ url: server.urlFor(name, 'p@ss:word/#?') }).open()
    await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_FAILED')
    await expect(refusal).rejects.toThrow(`has the encoding ${encoding}`)
    await expect(refusal).rejects.toThrow("encoding 'UTF8'")
  },
)

test.each([
  ['off', 'local'],
  ['remote_apply', 'remote_apply'],
])(
  'with synchronous_commit = %s an append waits for %s: a crash of the server loses nothing acknowledged',
  async (set, used) => {
    const schema = setup.newSchema()
    await setup.openStore({ schema })
    const client = await setup.client()
    await client.query(`begin; set local synchronous_commit = ${set}`)
    await appendBySql(client, schema, ['a'])
    expect((await client.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: used }])
    await client.query('rollback')
  },
)
