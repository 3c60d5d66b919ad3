/** Chooses what one holder is asked for next, of the blocks of one content. */
import { MAX_ASKED_INDEXES, OVERTAKE_AFTER_MS, SPREAD_WAIT_MS } from '../limits.ts'
import { hasBlock } from './part.ts'
import { pickBlocks } from './picker.ts'
import type { BlockList } from '../../chunk/index.ts'
import type { Clock, Random } from '../../util/index.ts'
import type { Part } from './part.ts'
import type { Parts } from './parts.ts'
import type { Candidate } from './picker.ts'
import type { Schedule } from './schedule.ts'

export interface Asker {
  /** Asks for what there is room for. Answers whether anything was asked. */
  askOf(part: Part, list: BlockList): boolean
}

export interface AskerInit {
  readonly clock: Clock
  readonly random: Random
  readonly parts: Parts
  readonly schedule: Schedule
  /** So many bytes have been asked for. */
  readonly onAsked: (bytes: number) => void
}

export const createAsker = ({ clock, random, parts, schedule, onAsked }: AskerInit): Asker => {
  /** Whether the holder is sending others to whoever was given the block. */
  const isElsewhere = (part: Part, index: number): boolean => {
    const atMs = part.elsewhere.get(index)
    return atMs !== undefined && clock.monotonicMs() - atMs < SPREAD_WAIT_MS
  }

  const ask = (part: Part, blocks: readonly Candidate[], insist: boolean): void => {
    if (blocks.length === 0) return
    const nowMs = clock.monotonicMs()
    for (const { index, sizeBytes } of blocks) {
      schedule.ask(part, index, nowMs)
      onAsked(sizeBytes)
    }
    part.linked.ask(blocks, insist)
  }

  /** At the very end: what a slower holder has been asked for is asked of this one as well. */
  const overtake = (part: Part, list: BlockList): boolean => {
    if (!schedule.isAllAsked || !part.link.isIdle()) return false
    const index = schedule.oldestOfOthers(part, {
      untilMs: clock.monotonicMs() - OVERTAKE_AFTER_MS,
      suits: (each) => hasBlock(part, each) && part.linked.mayAsk(each),
    })
    const sizeBytes = index === undefined ? undefined : list.blocks[index]?.sizeBytes
    if (index === undefined || sizeBytes === undefined) return false
    ask(part, [{ index, sizeBytes }], true)
    return true
  }

  return {
    askOf(part, list) {
      const roomBytes = part.link.roomBytes()
      if (roomBytes <= 0) return false
      const candidates = function* (indexes: Iterable<number>): Iterable<Candidate> {
        for (const index of indexes) yield { index, sizeBytes: list.blocks[index]?.sizeBytes ?? 0 }
      }
      const picked = pickBlocks({
        open: candidates(schedule.open()),
        rarityOf: (index) => parts.rarityOf(index),
        suits: (index) =>
          hasBlock(part, index) &&
          !schedule.isLocal(index) &&
          part.linked.mayAsk(index) &&
          !isElsewhere(part, index),
        random,
        roomBytes,
        maxBlocks: MAX_ASKED_INDEXES,
      })
      if (picked.length === 0) return overtake(part, list)
      const alone = parts.isAlone(part)
      const [insisting, polite]: [Candidate[], Candidate[]] = [[], []]
      for (const block of picked) {
        const refused = part.elsewhere.has(block.index) && !parts.othersHave(part, block.index)
        const group = alone || refused ? insisting : polite
        group.push(block)
      }
      ask(part, insisting, true)
      ask(part, polite, false)
      return true
    },
  }
}
