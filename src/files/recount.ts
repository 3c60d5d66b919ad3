import { ownerOf } from './kept.ts'
import type { Catalogue } from './catalogue.ts'
import type { Eviction, Quota } from './quota.ts'
import type { Rules } from './rules.ts'

/** Counts anew what signers use under patterns; answers what is too much. */
export const recount = (
  quota: Quota,
  { rules, catalogue }: { rules: Rules; catalogue: Pick<Catalogue, 'kept' | 'keptNames'> },
): readonly Eviction[] => {
  quota.clear()
  if (rules.patterns.length === 0) return []
  const evictions: Eviction[] = []
  for (const name of catalogue.keptNames()) {
    const rule = rules.get(name)
    if (rule?.pattern === undefined) continue
    const owners = catalogue.kept(name).map(ownerOf)
    evictions.push(...quota.add(rule, owners, name))
  }
  return evictions
}
