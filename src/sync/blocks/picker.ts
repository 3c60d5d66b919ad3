import type { Random } from '../../util/index.ts'

/** Blocks that one holder could be asked for, as far as the picker needs to know them. */
export interface Candidate {
  readonly index: number
  readonly sizeBytes: number
}

export interface PickInit {
  /** Blocks that are not here and not on their way, in any order. */
  readonly open: Iterable<Candidate>
  /** How many holders have it. */
  readonly rarityOf: (index: number) => number
  /** Whether this holder may be asked for it. */
  readonly suits: (index: number) => boolean
  readonly random: Random
  readonly roomBytes: number
  readonly maxBlocks: number
}

/**
 * The rarest first, and random ones among equals: then nodes that begin together fetch different
 * blocks, and have something to give each other. At least one, however small the room is.
 */
export const pickBlocks = (init: PickInit): Candidate[] => {
  const levels = new Map<number, Candidate[]>()
  for (const candidate of init.open) {
    if (!init.suits(candidate.index)) continue
    const rarity = init.rarityOf(candidate.index)
    const level = levels.get(rarity)
    if (level === undefined) levels.set(rarity, [candidate])
    else level.push(candidate)
  }
  const picked: Candidate[] = []
  let leftBytes = init.roomBytes
  for (const rarity of [...levels.keys()].sort((a, b) => a - b)) {
    const level = levels.get(rarity) ?? []
    while (level.length > 0) {
      if (picked.length >= init.maxBlocks) return picked
      const at = init.random.below(level.length)
      const candidate = level[at]
      const last = level.pop()
      if (candidate === undefined || last === undefined) break
      if (at < level.length) level[at] = last
      if (picked.length > 0 && candidate.sizeBytes > leftBytes) return picked
      leftBytes -= candidate.sizeBytes
      picked.push(candidate)
    }
  }
  return picked
}
