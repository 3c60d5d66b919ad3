/** Levenshtein distance; both words are short. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The known word that `word` is most likely meant to be, or `undefined` if none is close. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => {
  const short = word.slice(0, 64)
  let best: { word: string; distance: number } | undefined
  for (const candidate of known) {
    const found = distance(short.toLowerCase(), candidate.toLowerCase())
    if (best === undefined || found < best.distance) best = { word: candidate, distance: found }
  }
  // Not every other word of one letter is a slip of it.
  const most = Math.min(short.length - 1, Math.max(2, short.length / 3))
  return best !== undefined && best.distance <= most ? best.word : undefined
}
