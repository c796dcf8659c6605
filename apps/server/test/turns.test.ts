import { expect, test } from 'vitest'
import { Turns } from '../src/turns.ts'

/** Notes in which order owners get turns. */
function noting(turns: Turns, order: string[]) {
  return (owner: string, name: string) => {
    const turn = turns.take(owner)
    if (turn === true) order.push(name)
    else if (turn !== false) void turn.then(() => order.push(name))
    return turn
  }
}

test('an owner has so many turns at once, the others wait, and what is beyond is refused', async () => {
  const turns = new Turns({ atOnce: 4, perOwner: 2, waiting: 1 })
  const order: string[] = []
  const take = noting(turns, order)
  expect([take('a', 'a1'), take('a', 'a2')]).toEqual([true, true])
  expect(take('a', 'a3')).toBeInstanceOf(Promise)
  expect(take('a', 'a4')).toBe(false)
  expect([take('b', 'b1'), take('b', 'b2')]).toEqual([true, true])
  turns.giveBack('a')
  await Promise.resolve()
  expect(order).toEqual(['a1', 'a2', 'b1', 'b2', 'a3'])
})

test('those who wait get turns owner by owner, however many of one there are', async () => {
  const turns = new Turns({ atOnce: 1, perOwner: 1, waiting: 10 })
  const order: string[] = []
  const take = noting(turns, order)
  for (const name of ['a1', 'a2', 'a3', 'a4']) take('a', name)
  for (const name of ['b1', 'b2']) take('b', name)
  for (const owner of ['a', 'a', 'b', 'a', 'b', 'a']) {
    turns.giveBack(owner)
    await Promise.resolve()
  }
  expect(order).toEqual(['a1', 'a2', 'b1', 'a3', 'b2', 'a4'])
})
