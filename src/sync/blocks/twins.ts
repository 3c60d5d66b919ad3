/** Blocks of one content that have the same bytes: with one, the others are here. */
import type { BlockList } from '../../chunk/index.ts'

/** Answers with the other blocks that have the bytes of this one. */
export type TwinsOf = (index: number) => readonly number[]

export const createTwins = ({ blocks }: BlockList): TwinsOf => {
  let twins: Map<string, number[]> | undefined

  /** Only digests that occur more than once. */
  const find = (): Map<string, number[]> => {
    const first = new Map<string, number>()
    const found = new Map<string, number[]>()
    for (const [index, { digest }] of blocks.entries()) {
      const other = first.get(digest)
      const known = found.get(digest)
      if (other === undefined) first.set(digest, index)
      else if (known === undefined) found.set(digest, [other, index])
      else known.push(index)
    }
    return found
  }

  return (index) => {
    twins ??= find()
    const same = twins.get(blocks[index]?.digest ?? '') ?? []
    return same.filter((each) => each !== index)
  }
}
