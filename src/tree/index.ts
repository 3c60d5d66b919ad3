/**
 * Tree: a set of ids with a hash over every range of it, so that two nodes find what differs between
 * their sets by what differs alone.
 *
 * Promises: equal sets have equal trees, whatever became of them in which order; the root commits to
 * the set as a hash over all of it would (nothing is added or xor-ed up, so nothing can be steered);
 * a stored tree changes in the transaction of its ids, in time that grows with their logarithm, and
 * a damaged one is noticed and can be made anew from them. See `docs/protocols/push-pull.md`.
 *
 * @packageDocumentation
 */
export { createFilteredTree } from './filtered.ts'
export { LEAF_IDS } from './summary.ts'
export { createSortedTree } from './sorted.ts'
export { createStoredTree } from './stored.ts'
export type { FilteredTree } from './filtered.ts'
export type { StoredTree, StoredTreeInit, TreeCheck } from './stored.ts'
export type { IdTree, Summary } from './types.ts'
