import type { ErrorCode } from '../../packages/events-core/src/errors.ts'

interface ErrorText {
  readonly meaning: string
  readonly remedy: string
}

/** What the page of errors says of the codes of an `EventsError`. Not in the package: no program needs the prose. */
export const ERROR_TEXTS: Readonly<Record<ErrorCode, ErrorText>> = {
  EVENTS_INVALID: {
    meaning: 'the input is invalid',
    remedy: 'correct what `issues` lists: each has the path and the constraint that was violated',
  },
  EVENTS_BUFFER_FULL: {
    meaning: 'the write buffer has no room for the event: more is being published than the store can write',
    remedy: 'publish again later and more slowly, or raise `bufferEvents` and `bufferBytes` for bursts',
  },
  EVENTS_NOT_RUNNING: {
    meaning: 'the bus was not started, or is stopped',
    remedy: 'call `bus.start()` first, and end what uses the bus before stopping it',
  },
  EVENTS_NOT_FOUND: {
    meaning: 'there is no such event, subscription, dead letter or job',
    remedy: 'check the name; it may have been deleted, renamed or removed by retention',
  },
  EVENTS_CONFLICT: {
    meaning: 'something else of that name already exists, or its state does not permit the change',
    remedy: 'choose another name, or change or delete what exists first, as the message says',
  },
  EVENTS_LEASE_LOST: {
    meaning: 'another process has taken over the work; nothing was changed',
    remedy: 'nothing: the other process continues. If it happens often, raise `leaseMs`',
  },
  EVENTS_HANDLER_TIMEOUT: {
    meaning: 'a handler did not settle within its time',
    remedy: 'make the handler faster, or raise `handlerTimeoutMs`',
  },
  EVENTS_NO_GLOBAL_BUS: {
    meaning: 'the global bus was requested before it was set',
    remedy: 'call `setGlobalEventBus` when the program starts',
  },
  EVENTS_STORAGE_UNAVAILABLE: {
    meaning: 'the store cannot be reached, or does not respond',
    remedy: 'check that the database runs and can be reached; the bus reconnects by itself',
  },
  EVENTS_STORAGE_LOCKED: {
    meaning: 'another process holds the store',
    remedy: 'end the program that holds it, such as a database tool with an open transaction',
  },
  EVENTS_STORAGE_FULL: {
    meaning: 'the store has no space left',
    remedy: 'free disk space; events that wait are then written',
  },
  EVENTS_STORAGE_READ_ONLY: {
    meaning: 'the store accepts no writes',
    remedy: 'give the process write access to the file and its folder, or connect to the primary server',
  },
  EVENTS_STORAGE_CORRUPT: {
    meaning: 'the store is damaged, or is not an event store',
    remedy: 'check the path or URL; restore a damaged store from a backup',
  },
  EVENTS_STORAGE_FAILED: {
    meaning: 'the store refused the operation',
    remedy: 'read `cause` or the log: the database says why',
  },
}
