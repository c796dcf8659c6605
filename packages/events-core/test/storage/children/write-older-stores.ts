// Writes the stores in older/ with the code of an older version, which must be checked out and installed: node
// --conditions=@viewra/source write-older-stores.ts /path/to/that/packages/events-core postgres://user@host/database
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'

const [older = '', url = ''] = process.argv.slice(2)
const importOlder = (file: string) => import(pathToFileURL(join(older, 'src', file)).href)
const { sqliteStorage } = await importOlder('storage/sqlite/index.ts')
const { postgresStorage } = await importOlder('storage/postgres/index.ts')
const { makeRecord } = await importOlder('testing/record.ts')

/** The driver that the older version loads. */
const pg = createRequire(join(older, 'package.json'))('pg')

const into = new URL('../older/', import.meta.url)

/** Fills the stores of older-stores.test.ts, which defines their contents. */
async function fill(
  storage: ReturnType<typeof sqliteStorage>,
  setTime: (time: string) => void,
): Promise<void> {
  await storage.open()
  setTime('2029-12-31T00:00:00Z')
  await storage.append(
    Array.from({ length: 20 }, (_, n) => makeRecord({ id: `old ${n}`, type: 'old', data: { n } })),
  )
  setTime('2030-01-01T00:00:00Z')
  await storage.append([
    makeRecord({ id: 'a', tags: ['x', 'y', 'x'], title: 'nul \0 and mark \ufdd0', data: { half: '\ud800' } }),
    makeRecord({ id: 'b', tags: ['x'], source: 'plugin:p', priority: 9, target: 'user:1' }),
  ])
  // The clock was set back; older versions recorded that.
  setTime('2029-12-31T23:59:30Z')
  await storage.append([makeRecord({ id: 'c', ttl: 1_000 })])
  setTime('2030-01-01T00:00:10Z')
  await storage.trim({ maxEvents: 8 })
  await storage.subscriptions.create('mail', 3, 4)
  await storage.subscriptions.setPaused('mail', true)
  await storage.subscriptions.create('index', 1, 0)
  for (const partition of [0, 1]) {
    const { lease } = await storage.subscriptions.acquire({ name: 'mail', partition }, `process ${partition}`)
    await storage.subscriptions.renew({ name: 'mail', partition }, lease.token, {
      position: 20 + partition,
      missed: { from: 1, to: 15 },
    })
  }
  await storage.subscriptions.claim({ name: 'mail', partition: 1 }, 'process 1', 'process 2')
  const event = await storage.get('a')
  await storage.deadLetters.park({ subscription: 'mail', event, error: 'refused', stack: null, attempts: 3 })
  await storage.close()
}

function clock(): { now: () => number; setTime: (time: string) => void } {
  let nowMs = 0
  return {
    now: () => nowMs,
    setTime: (time) => {
      nowMs = Date.parse(time)
    },
  }
}

async function writeSqlite(): Promise<void> {
  const path = join(mkdtempSync(join(tmpdir(), 'viewra-older-')), 'events.db')
  const { now, setTime } = clock()
  await fill(sqliteStorage({ path, now }), setTime)
  writeFileSync(new URL('sqlite.db.gz', into), gzipSync(readFileSync(path), { level: 9 }))
}

/** Records all queries of the older version in order, since its calls follow each other. */
async function writePostgres(): Promise<void> {
  const asked: unknown[][] = []
  const query = pg.Client.prototype.query
  pg.Client.prototype.query = function (this: unknown, ...args: unknown[]) {
    const [statement, values] = args
    asked.push([statement, Array.isArray(values) ? values.map(asText) : []])
    return Reflect.apply(query, this, args)
  }
  const { now, setTime } = clock()
  await fill(postgresStorage({ url, schema: 'older_store', now }), setTime)
  const statements = asked.map((each) => `${JSON.stringify(each)}\n`)
  writeFileSync(new URL('postgres.jsonl.gz', into), gzipSync(statements.join(''), { level: 9 }))
}

/** Formats a value as the driver does. */
function asText(value: unknown): unknown {
  return typeof value === 'object' &&
    value !== null &&
    'toPostgres' in value &&
    typeof value.toPostgres === 'function'
    ? value.toPostgres()
    : value
}

await writeSqlite()
await writePostgres()
