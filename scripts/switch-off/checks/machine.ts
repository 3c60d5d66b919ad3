import type { Check } from '../table.ts'

/** What machine. */
export const machine: readonly Check[] = []
