import { onTestFinished } from 'vitest'

export interface Frame {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly message?: string
  readonly time: string
  /** The cursor beside it. */
  readonly id?: string
}

/** A client of the event stream with a socket of its own, which the test's end closes. */
export class SseClient {
  readonly response: Response
  readonly #abort: AbortController
  readonly #messages: AsyncGenerator<string, void>

  private constructor(response: Response, abort: AbortController) {
    this.response = response
    this.#abort = abort
    this.#messages = messagesOf(response)
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
    const abort = new AbortController()
    onTestFinished(() => abort.abort())
    const response = await fetch(url, { signal: abort.signal, headers })
    return new SseClient(response, abort)
  }

  /** The raw text of the next message. */
  async nextMessage(): Promise<string> {
    const { value, done } = await this.#messages.next()
    if (done === true) throw new Error('the stream ended')
    return value
  }

  async next(): Promise<Frame> {
    return frameOf(await this.nextMessage())
  }

  /** The next frames up to the first of a type, without heartbeats. */
  async until(type: string): Promise<Frame[]> {
    const frames: Frame[] = []
    for (let frame = await this.next(); ; frame = await this.next()) {
      if (frame.type !== 'heartbeat' || type === 'heartbeat') frames.push(frame)
      if (frame.type === type) return frames
    }
  }

  /** All frames that are left. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = []
    for await (const message of this.#messages) frames.push(frameOf(message))
    return frames
  }

  leave(): void {
    this.#abort.abort()
  }
}

/** An unnamed message, which may say where the client is and how long to wait before it connects again. */
const UNNAMED = /^(?:retry: \d+\n)?(?:id: (?<id>[^\r\n]+)\n)?data: (?<data>[^\r\n]*)$/

export function frameOf(message: string): Frame {
  const { id, data } = UNNAMED.exec(message)?.groups ?? {}
  if (data === undefined) throw new Error(`not one unnamed message: ${message}`)
  const frame: Frame = JSON.parse(data)
  // Not enumerable, so that tests of a frame's fields see only those.
  return Object.defineProperty(frame, 'id', { value: id, enumerable: false })
}

async function* messagesOf(response: Response): AsyncGenerator<string, void> {
  if (response.body === null) return
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true })
    const messages = text.split('\n\n')
    text = messages.pop() ?? ''
    yield* messages
  }
}
