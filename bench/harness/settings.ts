/** The command line's options, for all suites. */
export interface Settings {
  /** Measured rounds, after one to warm up. */
  readonly rounds: number
  /** Events in the large store. */
  readonly rows: number
  /** Which stores to measure, of 'sqlite' and 'postgres'. */
  readonly stores: readonly string[]
}
