import { contentDigest } from './inspector.ts'
import { ownerOf, standingOf } from './kept.ts'
import { EMPTY_ROW } from './row.ts'
import type { FileName } from '../statement/index.ts'
import type { KeyedLock } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Publications } from './publications.ts'
import type { Eviction, Quota } from './quota.ts'
import type { Rule } from './rules.ts'

/** Takes away what a signer has too much of under a pattern. Takes the lock of the name. */
export type Evict = (eviction: Eviction) => Promise<void>

export const createEvict = ({
  catalogue,
  locks,
  publications,
  quota,
  ruleOf,
}: {
  catalogue: Catalogue
  locks: KeyedLock
  publications: Publications
  quota: Quota
  ruleOf(name: FileName): Rule | undefined
}): Evict => {
  const remove = async (name: FileName, rule: Rule, owner: string): Promise<boolean> => {
    const kept = catalogue.kept(name)
    const isGoing = (each: string): boolean => owner === '' || each === owner
    const going = kept.filter((each) => isGoing(ownerOf(each)))
    const after = kept.filter((each) => !isGoing(ownerOf(each)))
    const before = catalogue.row(name)
    const { records } = standingOf(after, rule.authority)
    const left = await catalogue.change(name, {
      before,
      after: { ...(before ?? EMPTY_ROW), pending: true, records: records.map(({ id }) => id) },
      records,
      removed: going.map(({ slot }) => slot),
      history: after.length === 0 ? 0 : rule.history,
    })
    const displaced = [...going.map(({ signed }) => signed), ...left].flatMap(
      (signed) => contentDigest(signed) ?? [],
    )
    await publications.publishHeld(name, { displaced })
    return after.length === 0
  }

  return ({ name, owner }) =>
    locks.run(name, async () => {
      const rule = ruleOf(name)
      if (rule === undefined || !(await remove(name, rule, owner))) return
      quota.remove(name)
      await catalogue.drop(name)
      publications.forget(name)
    })
}
