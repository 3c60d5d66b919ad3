import { sha256 } from '../util/index.ts'
import type { PublicKey } from '../keys/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { FilePolicy } from './types.ts'

/** A policy made ready for looking things up. */
export interface Rule {
  readonly policy: FilePolicy
  readonly allowed: ReadonlySet<PublicKey>
  /** Over everything that a reload can change about this name. */
  readonly digest: Digest
}

/** All rules of one configuration. */
export interface Rules {
  get(name: FileName): Rule | undefined
  /** Sorted. */
  readonly names: readonly FileName[]
}

export const createRules = (policies: readonly FilePolicy[]): Rules => {
  // Fleets have few lists of signers and many names: equal lists share one set.
  const sets = new Map<string, ReadonlySet<PublicKey>>()
  const rules = new Map<FileName, Rule>()
  for (const policy of policies) {
    const signers = [...new Set(policy.signers)].sort()
    const text = signers.join(' ')
    const allowed = sets.get(text) ?? new Set(signers)
    sets.set(text, allowed)
    const digest = sha256(`${policy.mode} ${policy.maxSizeBytes} ${text}`)
    rules.set(policy.name, { policy, allowed, digest })
  }
  const names = [...rules.keys()].sort()
  return { get: (name) => rules.get(name), names }
}
