import { rebuildIndex } from './startup.ts'
import { takeTurns } from './take-turns.ts'
import type { Health } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Clock } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Rule } from './rules.ts'

/**
 * Holds the index of records and the tree of hashes over it against what they follow from, and makes
 * anew what differs. Health tells of damage until a later check finds none: a disk that lied once is
 * to be watched.
 */
export const createIndexUpkeep =
  ({
    catalogue,
    clock,
    health,
    ruleOf,
  }: {
    readonly catalogue: Catalogue
    readonly clock: Clock
    readonly health: Health
    ruleOf(name: FileName): Rule | undefined
  }) =>
  async (signal: AbortSignal): Promise<void> => {
    const pause = (): Promise<void> => takeTurns(clock, signal)
    const isSound = await catalogue.isIndexSound(pause)
    // The tree as well.
    if (!isSound) await rebuildIndex({ catalogue, ruleOf })
    const isMended = await catalogue.mendTree(pause)
    if (isSound && !isMended) return health.clear('tree-damaged')
    health.raise({
      code: 'tree-damaged',
      subject: '',
      severity: 'warning',
      message: `the ${isSound ? 'tree of hashes' : 'index of records'} that sync compares was damaged on the disk and was made anew; look after the disk, and run: mesh store verify`,
    })
  }
