/** The state that a processor keeps for one key. */
export interface StateRow {
  /** The `state_id` of its partition. */
  readonly id: number
  readonly key: string
  readonly value: string | null
  readonly due: number | null
  readonly touched: number
  /** The size of key and value in UTF-8. */
  readonly bytes: number
}

export interface StateTables {
  readonly subscription_states: StateRow
  /** Ids of states that no partition uses any more and that are still to be deleted. */
  readonly abandoned_states: { readonly id: number }
}
