import { EventsError } from '../errors.ts'
import type { PublishedEvent } from '../event.ts'
import { backoffMs } from './backoff.ts'
import type { EventHandler, HandlerContext, RetryPolicy, Subscription } from './options.ts'

/** What all deliveries of one subscription share. */
export interface DeliveryPlan {
  readonly handler: EventHandler
  readonly subscription: Subscription
  readonly retry: Required<RetryPolicy>
  readonly handlerTimeoutMs: number
  /** What calls are measured by, in milliseconds. */
  readonly clock: () => number
  /** Whether the handler may be called now. Asked before each further call, which otherwise waits. */
  readonly mayStart: () => boolean
  /** Called after each call of the handler. @param error what it threw or rejected with; undefined when it did well */
  readonly called: (delivery: Delivery, seconds: number, error: unknown) => void
  /** Called once. @param error of the last attempt, or why it was cancelled; undefined when the handler did well */
  readonly finished: (delivery: Delivery, error: unknown) => void
}

const LOOK_AGAIN_MS = 100

/**
 * One event on its way through one handler: called, and called again after a pause while it throws, rejects or
 * outlasts its time, until the attempts are spent. A synchronous handler that does well costs no promise and no timer.
 */
export class Delivery implements HandlerContext {
  readonly event: PublishedEvent
  /** What the subscription orders by; undefined when it does not. */
  readonly key: string | undefined
  attempt = 0
  /** Where its queue has it among those that run. */
  place = 0
  readonly #plan: DeliveryPlan
  #controller: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #began = 0
  /** Settles with the call under way, as a handler may go on although it was told to end. */
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

  get subscription(): Subscription {
    return this.#plan.subscription
  }

  /** Made only for handlers that look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  get isLastAttempt(): boolean {
    return this.attempt >= this.#attempts
  }

  start(): void {
    this.#state = 'running'
    this.attempt++
    this.#controller = undefined
    this.#began = this.#plan.clock()
    let promise: Promise<unknown> | undefined
    try {
      const result = this.#plan.handler(this.event, this)
      // Through a promise of our own: another's `then` may throw.
      if (isThenable(result)) promise = Promise.resolve(result)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (promise === undefined) this.#succeed()
    else this.#settleLater(promise)
  }

  /** The call under way, if any, is the last one. */
  stopRetrying(): void {
    this.#attempts = this.attempt
    if (this.#state === 'pausing') this.#finish(this.#lastError)
  }

  /** Ends it without another call; a call under way is told by its signal. Resolves when that has really ended. */
  async cancel(reason: EventsError): Promise<void> {
    const call = this.#state === 'running' ? this.#call : undefined
    if (this.#state === 'finished') return
    this.#controller?.abort(reason)
    this.#finish(reason)
    await call
  }

  #settleLater(result: Promise<unknown>): void {
    const { attempt } = this
    // A call that timed out may still settle, when the next one is under way already.
    const current = () => this.#state === 'running' && this.attempt === attempt
    this.#timer = setTimeout(() => this.#timeOut(), this.#plan.handlerTimeoutMs)
    this.#call = result.then(
      () => current() && this.#succeed(),
      (error: unknown) => current() && this.#fail(error),
    )
  }

  #timeOut(): void {
    const { handlerTimeoutMs, subscription } = this.#plan
    const error = new EventsError(
      'EVENTS_HANDLER_TIMEOUT',
      `A handler of '${subscription.name}' did not settle within ${handlerTimeoutMs} ms`,
    )
    this.#controller?.abort(error)
    this.#fail(error)
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

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
