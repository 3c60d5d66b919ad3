import { createDigester } from '../../util/index.ts'
import { MAX_SEGMENTS } from '../limits.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Digest } from '../../util/index.ts'
import type { HeldContent } from '../collection.ts'

/** Bytes of one content that came from one holder. */
interface Segment {
  readonly peer: PeerId
  readonly start: number
  end: number
  /** Not of the first one: most content comes from one holder, and hashing twice costs. */
  readonly digester: ReturnType<typeof createDigester> | undefined
}

/** Who delivered what in one attempt; tells afterwards who lied, once the truth is here. */
export interface Segments {
  add(peer: PeerId, start: number, bytes: Uint8Array): void
  /** Holders that took part. */
  peers(): readonly PeerId[]
  /** Holders that delivered something else than the true content. */
  findLiars(truth: HeldContent, signal: AbortSignal): Promise<readonly PeerId[]>
}

const digestRange = async (
  truth: HeldContent,
  { start, end }: { start: number; end: number },
  signal: AbortSignal,
): Promise<Digest> => {
  const digester = createDigester()
  let leftBytes = end - start
  for await (const chunk of truth.stream({ start, signal })) {
    const part = chunk.subarray(0, leftBytes)
    digester.update(part)
    leftBytes -= part.length
    if (leftBytes === 0) break
  }
  return digester.digest()
}

export const createSegments = (): Segments => {
  const segments: Segment[] = []
  let complete = true
  return {
    add(peer, start, bytes) {
      let segment = segments.at(-1)
      if (segment === undefined || segment.peer !== peer || segment.end !== start) {
        if (segments.length === MAX_SEGMENTS) {
          complete = false
          return
        }
        const digester = segment === undefined ? undefined : createDigester()
        segment = { peer, start, end: start, digester }
        segments.push(segment)
      }
      segment.end += bytes.length
      segment.digester?.update(bytes)
    },
    peers: () => [...new Set(segments.map(({ peer }) => peer))],
    async findLiars(truth, signal) {
      const [first, ...rest] = segments
      const liars = new Set<PeerId>()
      for (const segment of rest) {
        const expected = await digestRange(truth, segment, signal)
        if (segment.digester?.digest() !== expected) liars.add(segment.peer)
      }
      // The whole was wrong: if every other part is right, the first one is not.
      if (liars.size === 0 && complete && first !== undefined) liars.add(first.peer)
      return [...liars]
    },
  }
}
