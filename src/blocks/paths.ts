import type { Digest } from '../util/index.ts'

/** Where in the state directory things lie. */
export const BLOCKS_DIRECTORY = 'blocks'
export const PARTIAL_DIRECTORY = 'partial'
export const DAMAGED_DIRECTORY = 'blocks-damaged'

/** In 256 directories by the first byte, so that none of them grows large; see decision 0016. */
export const blockPath = (digest: Digest): string =>
  `${BLOCKS_DIRECTORY}/${digest.slice(0, 2)}/${digest}`

/** A content that is being put together by the owner of this number. */
export const partialPath = (number: number): string => `${PARTIAL_DIRECTORY}/${number}`

/** A stored block that was wrong, kept to be looked at. */
export const damagedPath = (digest: Digest): string => `${DAMAGED_DIRECTORY}/${digest}`
