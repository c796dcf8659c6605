import { EventsError } from '../../errors.ts'

/** Carries out appends in order, and none behind one that failed: their order would be lost when that is repeated. */
export class AppendChain {
  #isBroken = false

  /**
   * @param behind whether it depends on the one before
   * @throws what `append` throws; EventsError EVENTS_STORAGE_LOCKED, without a try, behind one that failed
   */
  async next<T>(behind: boolean, append: () => T | Promise<T>): Promise<T> {
    if (behind && this.#isBroken)
      throw new EventsError('EVENTS_STORAGE_LOCKED', 'the append before this one failed, so it was not tried')
    this.#isBroken = true
    const result = await append()
    this.#isBroken = false
    return result
  }
}
