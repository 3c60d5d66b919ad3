/**
 * Blocks: pieces of content by the SHA-256 of their bytes: kept, referenced, verified, evicted.
 *
 * Promises: what `put` has answered survives a power cut and is stored once; no bytes are handed out
 * that are not what their name says, and what is found wrong is put aside, reported and asked for
 * again; what an owner keeps is never removed, and what nobody keeps goes, after a delay or when
 * room is needed. A published file serves its own blocks: they are not copied. What is not promised:
 * who may have a block; that is for those who move them.
 *
 * @packageDocumentation
 */
export { createBlocks } from './blocks.ts'
export { MAX_BLOCK_BYTES } from './limits.ts'
export { parseOwner } from './owner.ts'
export type { BlocksComponents, BlocksInit } from './blocks.ts'
export type { Assembly, AssemblyState, BlockDamage, Blocks, BlocksEvents } from './types.ts'
export type {
  BlocksStat,
  CheckProgress,
  Content,
  GcReport,
  Lease,
  Locate,
  Located,
} from './types.ts'
export type { Owner, ScrubStat, SignedContent, VerifyReport } from './types.ts'
