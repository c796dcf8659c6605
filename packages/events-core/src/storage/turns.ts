/** Runs one task after the other, in the order of the calls. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Settles as the task does; a task that fails does not stop the next ones. */
  take<T>(task: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(task)
    this.#last = turn.then(noop, noop)
    return turn
  }
}

function noop(): void {}
