/** The candidate that takes the fewest edits to become `name`. */
export function nearestName(name: string, candidates: readonly string[]): string {
  const byDistance = candidates.map((candidate) => ({ candidate, edits: editDistance(name, candidate) }))
  return byDistance.reduce((best, next) => (next.edits < best.edits ? next : best)).candidate
}

/** Levenshtein's distance, one row of the table at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(row, column - 1) + (letter === to[column - 1] ? 0 : 1)
      next.push(Math.min(replaced, at(row, column) + 1, at(next, column - 1) + 1))
    }
    row = next
  }
  return at(row, to.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
