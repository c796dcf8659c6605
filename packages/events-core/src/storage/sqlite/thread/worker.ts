import { parentPort, workerData } from 'node:worker_threads'
import { EventsError } from '../../../errors.ts'
import { storageError, toMessage } from '../errors.ts'
import type { LogFile } from '../file/log-file.ts'
import type { Call, Reply, ThreadMessage, ThreadSettings } from './messages.ts'
import { startReader } from './reader.ts'
import { startWriter } from './writer.ts'

/** The open file, and what can be asked of it. */
interface Opened {
  /** Which of the calls it is, and of what, only the sender knows: see `Call`. */
  readonly service: Readonly<Record<string, (argument: never, signal: AbortSignal) => Promise<unknown>>>
  readonly file: LogFile
}

const settings: ThreadSettings = workerData
/** What gives up each call that is under way. */
const controllers = new Map<number, AbortController>()
const answering = new Set<Promise<void>>()
let opened: Promise<Opened> | undefined

parentPort?.on('message', (message: ThreadMessage) => {
  if (message.kind === 'call') track(begin(message))
  else if (message.kind === 'abort') controllers.get(message.id)?.abort()
  else void close(message.id)
})

function track(answered: Promise<void>): void {
  answering.add(answered)
  void answered.then(() => answering.delete(answered))
}

async function begin(call: Call): Promise<void> {
  const controller = new AbortController()
  controllers.set(call.id, controller)
  await reply(call.id, () => answer(call, controller.signal))
  controllers.delete(call.id)
}

async function reply(id: number, work: () => unknown): Promise<void> {
  parentPort?.postMessage(await replyOf(id, work))
}

async function replyOf(id: number, work: () => unknown): Promise<Reply> {
  try {
    return { id, value: await work() }
  } catch (error) {
    return { id, error: toMessage(storageError(error, settings.path)) }
  }
}

async function answer({ method, argument }: Call, signal: AbortSignal): Promise<unknown> {
  const { service } = await open()
  const run = service[method]
  if (run === undefined) throw new TypeError(`the ${settings.role} has no method '${method}'`)
  return await run(argument, signal)
}

/** Nobody is left without an answer: what waits for its turn gets it, and what takes long is given up. */
async function close(id: number): Promise<void> {
  const file = await opened?.then(
    ({ file }) => file,
    () => undefined,
  )
  const reason = new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before this was done')
  for (const controller of controllers.values()) controller.abort(reason)
  await Promise.all(answering)
  await reply(id, () => file?.close())
  // Deno's port has no `close`, whatever its type says; there this ends the thread alone, as it does in Node.
  if (parentPort !== null && 'close' in parentPort) parentPort.close()
  else process.exit()
}

function open(): Promise<Opened> {
  opened ??= start().catch((error: unknown) => {
    // The next call tries again: what was in the way may be gone by then.
    opened = undefined
    throw error
  })
  return opened
}

function start(): Promise<Opened> {
  return settings.role === 'writer' ? startWriter(settings) : startReader(settings)
}
