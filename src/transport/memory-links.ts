import type { PeerId } from '../keys/index.ts'
import type { Random } from '../util/index.ts'

/** How a link between two peers behaves. */
export interface MemoryLink {
  /** One way. @default 0 */
  readonly latencyMs?: number
  /** Up to this much more, drawn for each frame. @default 0 */
  readonly jitterMs?: number
  /**
   * Share of frames that are lost and sent again: they, and what follows them on their stream,
   * come `retransmitMs` later (twice that for the second loss, and so on), as over TCP. @default 0
   */
  readonly lossRate?: number
  /** @default 200 */
  readonly retransmitMs?: number
  /** Share of frames with which their stream breaks. @default 0 */
  readonly resetRate?: number
}

/** All links of a network in memory, and who can reach whom. */
export interface MemoryLinks {
  link(a: PeerId, b: PeerId): MemoryLink
  set(a: PeerId, b: PeerId, link: MemoryLink): void
  /** Drawn anew for each frame. */
  delayMs(a: PeerId, b: PeerId): number
  /** Whether this frame breaks its stream; drawn anew for each frame. */
  breaks(a: PeerId, b: PeerId): boolean
  reachable(a: PeerId, b: PeerId): boolean
  /** `undefined`: everybody reaches everybody. */
  setGroups(groups: readonly (readonly PeerId[])[] | undefined): void
}

const pairOf = (a: PeerId, b: PeerId): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

export const createMemoryLinks = (random: Random, usual: MemoryLink): MemoryLinks => {
  const special = new Map<string, MemoryLink>()
  let groups: readonly ReadonlySet<PeerId>[] | undefined
  const linkOf = (a: PeerId, b: PeerId): MemoryLink => special.get(pairOf(a, b)) ?? usual
  return {
    link: linkOf,
    set(a, b, link) {
      special.set(pairOf(a, b), { ...linkOf(a, b), ...link })
    },
    delayMs(a, b) {
      const { latencyMs = 0, jitterMs = 0, lossRate = 0, retransmitMs = 200 } = linkOf(a, b)
      let delayMs = latencyMs + (jitterMs === 0 ? 0 : jitterMs * random.fraction())
      for (let lossMs = retransmitMs; lossRate > 0 && random.fraction() < lossRate; lossMs *= 2) {
        delayMs += lossMs
      }
      return delayMs
    },
    breaks(a, b) {
      const { resetRate = 0 } = linkOf(a, b)
      return resetRate > 0 && random.fraction() < resetRate
    },
    reachable: (a, b) =>
      groups === undefined || groups.some((group) => group.has(a) && group.has(b)),
    setGroups(parts) {
      groups = parts?.map((part) => new Set(part))
    },
  }
}
