import { EventsError } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import type { EventHandler, HandlerContext, RetryPolicy, Subscription } from '../api.ts'
import { backoffMs } from '../backoff.ts'
import { isThenable } from '../guarded.ts'

/** Settings and callbacks that all deliveries of one subscription share. */
export interface DeliveryPlan {
  readonly handler: EventHandler
  readonly subscription: Subscription
  readonly retry: Required<RetryPolicy>
  readonly handlerTimeoutMs: number
  /** Measures calls, in milliseconds. */
  readonly clock: () => number
  /** Returns whether the handler may be called now. Asked before each retry, which otherwise waits. */
  readonly mayStart: () => boolean
  /**
   * Called after each call of the handler. @param error the error that it threw or rejected with; undefined if it succeeded
   */
  readonly called: (delivery: Delivery, seconds: number, error: unknown) => void
  /** Called once. @param error the last attempt's error, or the reason of a cancel; undefined if the handler succeeded */
  readonly finished: (delivery: Delivery, error: unknown) => void
}

const LOOK_AGAIN_MS = 100

/**
 * The delivery of one event to one handler. While the handler throws, rejects or times out, it is called again after a
 * pause, until no attempts are left. A synchronous handler that succeeds costs no promise and no timer.
 */
export class Delivery {
  readonly event: PublishedEvent
  /** The event's ordering key; undefined if it has none. */
  readonly key: string | undefined
  attempt = 0
  /** Its index among the queue's running deliveries. */
  place = 0
  readonly #plan: DeliveryPlan
  #context: HandlerCall | undefined
  #timer: NodeJS.Timeout | undefined
  #began = 0
  /** Settles with the call under way: a handler may continue although its signal has aborted. */
  #call: Promise<unknown> | undefined
  #attempts: number
  #lastError: unknown
  #state: 'running' | 'pausing' | 'finished' = 'running'

  constructor(event: PublishedEvent, key: string | undefined, plan: DeliveryPlan) {
    this.event = event
    this.key = key
    this.#plan = plan
    this.#attempts = plan.retry.attempts
  }

  get isLastAttempt(): boolean {
    return this.attempt >= this.#attempts
  }

  start(): void {
    this.#state = 'running'
    this.attempt++
    this.#context = new HandlerCall(this.attempt, this.#plan.subscription)
    this.#began = this.#plan.clock()
    let promise: PromiseLike<unknown> | undefined
    try {
      const result = this.#plan.handler(this.event, this.#context)
      if (isThenable(result)) promise = result
    } catch (error) {
      this.#fail(error)
      return
    }
    if (promise === undefined) this.#succeed()
    else this.#settleLater(promise)
  }

  /** Makes the call under way, if any, the last one. */
  stopRetrying(): void {
    this.#attempts = this.attempt
    if (this.#state === 'pausing') this.#finish(this.#lastError)
  }

  /**
   * Ends the delivery without another call and aborts the signal of a call under way. Resolves when that call has really
   * ended.
   */
  async cancel(reason: EventsError): Promise<void> {
    const call = this.#state === 'running' ? this.#call : undefined
    if (this.#state === 'finished') return
    this.#endCall(reason)
    this.#finish(reason)
    await call
  }

  #settleLater(result: PromiseLike<unknown>): void {
    const { attempt } = this
    // A call that timed out may still settle when the next one is already under way.
    const current = () => this.#state === 'running' && this.attempt === attempt
    const failed = (error: unknown) => current() && this.#fail(error)
    this.#timer = setTimeout(() => this.#timeOut(), this.#plan.handlerTimeoutMs)
    try {
      // A promise, too, may have a `then` of its own, which may throw.
      this.#call = Promise.resolve(result).then(() => current() && this.#succeed(), failed)
    } catch (error) {
      failed(error)
    }
  }

  #timeOut(): void {
    const { handlerTimeoutMs, subscription } = this.#plan
    const error = new EventsError(
      'EVENTS_HANDLER_TIMEOUT',
      `A handler of '${subscription.name}' did not settle within ${handlerTimeoutMs} ms`,
    )
    this.#endCall(error)
    this.#fail(error)
  }

  #endCall(reason: EventsError): void {
    if (this.#context !== undefined) HandlerCall.end(this.#context, reason)
  }

  #succeed(): void {
    this.#called(undefined)
    this.#finish(undefined)
  }

  #fail(thrown: unknown): void {
    const error = thrown ?? new Error(`The handler failed with ${thrown}`)
    this.#called(error)
    if (this.isLastAttempt) {
      this.#finish(error)
      return
    }
    this.#lastError = error
    this.#state = 'pausing'
    const { minDelayMs, maxDelayMs } = this.#plan.retry
    this.#timer = setTimeout(() => this.#tryAgain(), backoffMs(this.attempt - 1, minDelayMs, maxDelayMs))
  }

  #tryAgain(): void {
    if (this.#plan.mayStart()) this.start()
    else this.#timer = setTimeout(() => this.#tryAgain(), LOOK_AGAIN_MS)
  }

  #called(error: unknown): void {
    this.#stopTimer()
    this.#plan.called(this, (this.#plan.clock() - this.#began) / 1_000, error)
  }

  #finish(error: unknown): void {
    this.#stopTimer()
    this.#state = 'finished'
    this.#plan.finished(this, error)
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
  }
}

/**
 * The context of one handler call. It has no setters, and each call has its own, so a handler cannot affect the bus through
 * it. Freezing it would take longer than the rest of a delivery.
 */
class HandlerCall implements HandlerContext {
  readonly #attempt: number
  readonly #subscription: Subscription
  #controller: AbortController | undefined
  #ended: EventsError | undefined

  constructor(attempt: number, subscription: Subscription) {
    this.#attempt = attempt
    this.#subscription = subscription
  }

  get attempt(): number {
    return this.#attempt
  }

  get subscription(): Subscription {
    return this.#subscription
  }

  /** Created only for handlers that read it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#ended !== undefined) this.#controller.abort(this.#ended)
    return this.#controller.signal
  }

  /** Aborts the call's signal, even if the handler reads it only later. */
  static end(call: HandlerCall, reason: EventsError): void {
    call.#ended = reason
    call.#controller?.abort(reason)
  }
}
