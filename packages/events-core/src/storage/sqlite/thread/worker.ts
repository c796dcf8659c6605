import { parentPort, workerData } from 'node:worker_threads'
import { EventsError } from '../../../errors.ts'
import { findOperation } from '../../sql/operations.ts'
import { storageError, toMessage } from '../errors.ts'
import type { Reply, Request, ThreadMessage, ThreadSettings } from './messages.ts'
import type { Opened } from './opened.ts'
import { startReader } from './reader.ts'
import { startWriter } from './writer.ts'

const settings: ThreadSettings = workerData
/** The controllers that abort the calls under way. */
const controllers = new Map<number, AbortController>()
const answering = new Set<Promise<void>>()
let opened: Promise<Opened> | undefined

parentPort?.on('message', (message: ThreadMessage) => {
  if (message.kind === 'abort') controllers.get(message.id)?.abort()
  else if (message.kind === 'close') void close(message.id)
  else track(begin(message))
})

function track(answered: Promise<void>): void {
  answering.add(answered)
  void answered.then(() => answering.delete(answered))
}

async function begin(request: Request & { readonly id: number }): Promise<void> {
  const controller = new AbortController()
  controllers.set(request.id, controller)
  await reply(request.id, () => answer(request, controller.signal))
  controllers.delete(request.id)
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

async function answer(request: Request, signal: AbortSignal): Promise<unknown> {
  const { file, run, saveLog } = await open()
  if (request.kind === 'open') return undefined
  if (request.kind === 'saveLog') return saveLog?.()
  if (request.kind === 'dataVersion') return await file.dataVersion()
  const { lane, args, nowMs } = request
  const operation = findOperation(request)
  return await run(lane, (log) => operation({ ...log, nowMs }, ...args), signal)
}

/** Closes the file. Every call gets an answer: waiting calls still run, and long ones are aborted. */
async function close(id: number): Promise<void> {
  const file = await opened?.then(
    ({ file }) => file,
    () => undefined,
  )
  const reason = new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before the call was done')
  for (const controller of controllers.values()) controller.abort(reason)
  await Promise.all(answering)
  await reply(id, () => file?.close())
  // Deno's port has no `close`, whatever its type says; there the thread ends without it.
  if (parentPort !== null && 'close' in parentPort) parentPort.close()
  else process.exit()
}

function open(): Promise<Opened> {
  opened ??= start().catch((error: unknown) => {
    // The next call tries again: the obstacle may be gone by then.
    opened = undefined
    throw error
  })
  return opened
}

function start(): Promise<Opened> {
  return settings.role === 'writer' ? startWriter(settings) : startReader(settings)
}
