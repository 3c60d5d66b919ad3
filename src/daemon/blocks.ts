import type { BlocksBody, BlocksSummaryBody } from '../api/index.ts'
import type { Blocks } from '../blocks/index.ts'
import type { BlockServices } from '../http/index.ts'
import type { Unpack } from '../unpack/index.ts'

const isoTime = (timeMs: number | undefined): string | null =>
  timeMs === undefined ? null : new Date(timeMs).toISOString()

/** The store of blocks, as the API tells of it. */
export const blocksBody = (blocks: Pick<Blocks, 'stat'>): BlocksBody => {
  const { scrub, ...stat } = blocks.stat()
  const { begunAtMs, endedAtMs, ...rest } = scrub
  return { ...stat, scrub: { ...rest, begunAt: isoTime(begunAtMs), endedAt: isoTime(endedAtMs) } }
}

/** The same in one line of the status. */
export const summarizeBlocks = (blocks: Pick<Blocks, 'stat'>): BlocksSummaryBody => {
  const { storedBytes, contentBytes, damagedBlocks, scrub } = blocks.stat()
  return { storedBytes, contentBytes, damagedBlocks, scrubbing: scrub.running }
}

/** What the API does with blocks. */
export const createBlockServices = (
  blocks: Blocks,
  unpack: Pick<Unpack, 'verify'>,
): BlockServices => ({
  stat: () => blocksBody(blocks),
  gc: (options) => blocks.gc(options),
  scrub() {
    blocks.scrub()
    unpack.verify()
  },
  async verify({ signal, onProgress }) {
    const report = await blocks.verify({
      signal,
      onProgress: (progress) => onProgress({ type: 'progress', ...progress }),
    })
    return { type: 'report', ...report }
  },
})
