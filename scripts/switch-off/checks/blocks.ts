import type { Check } from '../table.ts'

/** What blocks. */
export const blocks: readonly Check[] = []
