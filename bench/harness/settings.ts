/** What the command line asked for, for all suites. */
export interface Settings {
  /** Rounds that count, after one to warm up. */
  readonly rounds: number
  /** Events of the large store. */
  readonly rows: number
  /** Which stores, of 'sqlite' and 'postgres'. */
  readonly stores: readonly string[]
}
