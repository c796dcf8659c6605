import {
  getPostgreSQLEventStore,
  pongoMultiStreamProjection,
  postgreSQLEventStoreConsumer,
} from '@event-driven-io/emmett-postgresql'
import type { Contender } from '../../harness/contest.ts'
import { keyed } from './ours.ts'

export const EMMETT = 'emmett projector, 1,000 keys'

const KEYS = 1_000
/** Of one round: it asks the server for each event. */
const EVENTS = 1_000

interface Keyed {
  readonly type: 'bench'
  readonly data: { readonly key: string; readonly path: string }
}

/** Counts the events of each key in documents, in one transaction with its checkpoint, as our processor does. */
const projection = pongoMultiStreamProjection<{ count: number }, Keyed>({
  collectionName: 'counts',
  canHandle: ['bench'],
  getDocumentId: (event) => event.data.key,
  initialState: () => ({ count: 0 }),
  evolve: ({ count }: { readonly count: number }) => ({ count: count + 1 }),
})

export async function emmett(connectionString: string): Promise<Contender> {
  const store = getPostgreSQLEventStore(connectionString)
  await store.schema.migrate()
  await store.close()
  let streams = 0
  const publish = async () => {
    const writer = getPostgreSQLEventStore(connectionString)
    const events = Array.from({ length: EVENTS }, (): Keyed => {
      const { data = {} } = keyed(KEYS)
      return { type: 'bench', data: { key: String(data.key), path: String(data.path) } }
    })
    await writer.appendToStream(`stream-${streams++}`, events)
    await writer.close()
  }
  const round = async () => {
    await publish()
    const consumer = postgreSQLEventStoreConsumer({
      connectionString,
      stopWhen: { noMessagesLeft: true },
      // The same as our commits; its default is 100.
      pulling: { batchSize: 500 },
    })
    consumer.projector({ processorId: 'bench', projection, connectionOptions: { connectionString } })
    const began = performance.now()
    await consumer.start()
    const seconds = (performance.now() - began) / 1_000
    await consumer.close()
    return { 'events/s': EVENTS / seconds }
  }
  return { name: EMMETT, round }
}
