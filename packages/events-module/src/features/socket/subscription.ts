import type { FeedItem, PublishedEvent } from '@viewra/events-core'
import type { Outlet } from '../../http/connections/outlet.ts'
import { eventJson } from '../../http/event-json.ts'
import { type OpenedFeed, writeLogCursor } from '../../http/log-cursor.ts'
import { messageFrame, textFrame } from './message-frame.ts'

type EventsItem = Extract<FeedItem, { kind: 'events' }>

/** One subscription of a socket: a feed of its own, written to the socket that it shares with others. */
export class SocketSubscription {
  readonly #id: string
  readonly #opened: OpenedFeed
  readonly #outlet: Outlet
  /** Events that may be sent before more credit comes; infinite when the client asked for none. */
  #credit: number
  #moreCredit: (() => void) | undefined
  /** The position up to which everything was sent. */
  #position: number
  /** Whether an item of the feed is being sent, so that the feed is ahead of what was sent. */
  #isSending = false
  #checkpoint: number
  #isClosed = false

  constructor(id: string, opened: OpenedFeed, outlet: Outlet, credit: number) {
    this.#id = id
    this.#opened = opened
    this.#outlet = outlet
    this.#credit = credit
    this.#position = opened.feed.position
    this.#checkpoint = this.#position
  }

  /** The cursor from which a client resumes that has everything that was sent. */
  get cursor(): string {
    return this.#cursorAt(this.#isSending ? this.#position : this.#opened.feed.position)
  }

  /** Sends what the feed delivers, until it is closed or the bus stops. */
  async run(): Promise<void> {
    const { feed, isReset } = this.#opened
    if (isReset) this.#notice('reset')
    await feed.follow((item) => this.#send(item))
  }

  addCredit(events: number): void {
    this.#credit += events
    this.#moreCredit?.()
  }

  /** Sends the client its cursor, if that has moved although nothing was sent. */
  checkpoint(): void {
    const { position } = this.#opened.feed
    if (this.#isSending || position <= Math.max(this.#position, this.#checkpoint)) return
    this.#checkpoint = position
    this.#notice('checkpoint')
  }

  /** Tells a client that is about to be closed how much it missed and where to resume. */
  lagged(end: number): void {
    const { cursor } = this
    const missed = Math.max(0, end - Number(cursor.slice(cursor.lastIndexOf('.') + 1)))
    this.#outlet.write(messageFrame({ type: 'lagged', subscription: this.#id, cursor, missed }))
  }

  close(): void {
    this.#isClosed = true
    this.#opened.feed.close()
    this.#moreCredit?.()
  }

  /** @returns when the client has room for more; nothing when it has */
  #send(item: FeedItem): Promise<void> | undefined {
    this.#isSending = true
    if (item.kind === 'gap') this.#sendGap(item.from, item.to)
    else if (item.kind !== 'events') this.#notice(item.kind)
    else if (this.#credit >= item.events.length && !this.#isClosed) this.#sendPart(item.events, item.position)
    else return this.#sendInParts(item).then(() => this.#sent())
    return this.#sent()
  }

  #sent(): Promise<void> | undefined {
    this.#isSending = false
    return this.#outlet.hasRoom ? undefined : this.#outlet.room()
  }

  async #sendInParts({ events, position }: EventsItem): Promise<void> {
    for (let sent = 0; sent < events.length && !this.#isClosed; ) {
      if (this.#credit === 0) await this.#creditGiven()
      const part = events.slice(sent, sent + this.#credit)
      // What waited for credit may have been closed meanwhile.
      if (this.#isClosed || part.length === 0) continue
      sent += part.length
      this.#sendPart(part, sent === events.length ? position : (part.at(-1)?.position ?? this.#position))
    }
  }

  #sendPart(events: readonly PublishedEvent[], position: number): void {
    this.#credit -= events.length
    this.#outlet.write(encodeEvents(events, this.#id, this.#opened.epoch))
    this.#position = position
  }

  #creditGiven(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#moreCredit = resolve
    return promise
  }

  #sendGap(from: number, to: number): void {
    this.#position = to
    const cursor = this.#cursorAt(to)
    this.#outlet.write(
      messageFrame({ type: 'gap', subscription: this.#id, cursor, from, to, archived: false }),
    )
  }

  #notice(type: 'reset' | 'caught_up' | 'fell_behind' | 'checkpoint'): void {
    const cursor = this.#cursorAt(this.#opened.feed.position)
    this.#outlet.write(messageFrame({ type, subscription: this.#id, cursor }))
  }

  #cursorAt(position: number): string {
    return writeLogCursor(this.#opened.epoch, position)
  }
}

/** The last encoding of each array. Sockets mostly use the same subscription names, so one encoding serves many. */
const encoded = new WeakMap<readonly PublishedEvent[], { readonly id: string; readonly frames: Buffer }>()

/** Returns one frame for each event, in one buffer. */
function encodeEvents(events: readonly PublishedEvent[], id: string, epoch: string): Buffer {
  const known = encoded.get(events)
  if (known?.id === id) return known.frames
  const subscription = JSON.stringify(id)
  const frames = Buffer.concat(
    events.map((event) => {
      const { position } = event
      const cursor =
        position === undefined ? '' : `,"cursor":${JSON.stringify(writeLogCursor(epoch, position))}`
      return textFrame(`{"type":"event","subscription":${subscription}${cursor},"event":${eventJson(event)}}`)
    }),
  )
  encoded.set(events, { id, frames })
  return frames
}
