/** What a processor keeps for one key. */
export interface StateRow {
  /** `state_id` of its partition. */
  readonly id: number
  readonly key: string
  readonly value: string | null
  readonly due: number | null
  readonly touched: number
  /** Of key and value, UTF-8. */
  readonly bytes: number
}

export interface StateTables {
  readonly subscription_states: StateRow
  /** States that no partition has any more, and that are still to be deleted. */
  readonly abandoned_states: { readonly id: number }
}
