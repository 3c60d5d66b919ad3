import { publicKeyFromBytes, publicKeyToBytes } from '../keys/index.ts'
import { isMeshError } from '../errors/index.ts'
import { createSelection, isPattern, prefixOf } from '../statement/index.ts'
import { fromHex, sha256, toHex } from '../util/index.ts'
import { DEFAULT_HISTORY_COUNT, DEFAULT_MAX_FILES } from './limits.ts'
import type { PublicKey } from '../keys/index.ts'
import type { FileName, NamePattern, Selector } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'
import type { Authority } from './authority.ts'
import type { FilePolicy } from './types.ts'

/** A policy made ready for looking things up. */
export interface Rule {
  readonly policy: FilePolicy
  /** Who counts. */
  readonly authority: Authority
  /** Set if the name was found through it. */
  readonly pattern?: NamePattern
  /** Versions whose content is kept. */
  readonly history: number
  readonly minVersion: number
  readonly purgeAfterMs: number
  /** Names that one set of signers, or the whole of a namespace, may have under the pattern. */
  readonly maxFiles: number
  /** Over everything that a reload can change about this name. */
  readonly digest: Digest
}

/** All rules of one configuration. */
export interface Rules {
  get(name: FileName): Rule | undefined
  /** Configured by themselves; sorted. */
  readonly names: readonly FileName[]
  /** Names and patterns; sorted. */
  readonly selectors: readonly Selector[]
  readonly patterns: readonly Rule[]
}

const NO_KEYS: ReadonlySet<PublicKey> = new Set()

const sorted = (keys: readonly PublicKey[] = []): PublicKey[] => [...new Set(keys)].sort()

/** The key that owns a name of a namespace. */
const ownerOf = (name: FileName, pattern: NamePattern): PublicKey | undefined => {
  const text = name.slice(prefixOf(pattern).length)
  const bytes = fromHex(text)
  try {
    if (bytes === undefined) return undefined
    const key = publicKeyFromBytes(bytes)
    return toHex(publicKeyToBytes(key)) === text ? key : undefined
  } catch (error) {
    if (!isMeshError(error)) throw error
    return undefined
  }
}

export const createRules = (policies: readonly FilePolicy[]): Rules => {
  // Fleets have few lists of signers and many names: equal lists share one set.
  const sets = new Map<string, ReadonlySet<PublicKey>>()
  const setOf = (keys: readonly PublicKey[]): ReadonlySet<PublicKey> => {
    if (keys.length === 0) return NO_KEYS
    const text = keys.join(' ')
    const shared = sets.get(text) ?? new Set(keys)
    sets.set(text, shared)
    return shared
  }

  const ruleOf = (policy: FilePolicy): Rule => {
    const signers = sorted(policy.signers)
    const deleteSigners = sorted(policy.deleteSigners)
    const networkKeys = sorted(policy.self?.networkKeys)
    const { threshold = 1, minVersion = 1, purgeAfterMs = 0, maxFiles = DEFAULT_MAX_FILES } = policy
    const history = Math.max(1, policy.history ?? DEFAULT_HISTORY_COUNT)
    const facts = [
      ...[policy.mode, policy.maxSizeBytes, threshold, history, minVersion, purgeAfterMs, maxFiles],
      ...[policy.fallbackPath ?? null, policy.self?.network ?? null, policy.unpack ?? null],
      ...[signers, deleteSigners, networkKeys],
    ]
    const pattern = isPattern(policy.name) ? policy.name : undefined
    return {
      policy,
      authority: {
        signers: setOf(signers),
        threshold,
        deleteSigners: setOf(deleteSigners),
        ...(policy.self === undefined || pattern === undefined
          ? {}
          : {
              certified: {
                network: policy.self.network,
                namespace: prefixOf(pattern).slice(0, -1),
                networkKeys: setOf(networkKeys),
              },
            }),
      },
      ...(pattern === undefined ? {} : { pattern }),
      ...{ history, minVersion, purgeAfterMs, maxFiles },
      digest: sha256(JSON.stringify(facts)),
    }
  }

  const rules = new Map<Selector, Rule>()
  for (const policy of policies) rules.set(policy.name, ruleOf(policy))
  const selectors = [...rules.keys()].sort()
  const selection = createSelection(selectors)

  const get = (name: FileName): Rule | undefined => {
    const selector = selection.find(name)
    const rule = selector === undefined ? undefined : rules.get(selector)
    if (rule?.authority.certified === undefined || rule.pattern === undefined) return rule
    const owner = ownerOf(name, rule.pattern)
    if (owner === undefined) return undefined
    const signers = new Set([owner])
    const revoked = rule.policy.self?.revoked?.get(owner)
    if (revoked === undefined) return { ...rule, authority: { ...rule.authority, signers } }
    const certified = { ...rule.authority.certified, revoked }
    return {
      ...rule,
      authority: { ...rule.authority, signers, certified },
      // Only names of the revoked are made anew when the list changes.
      digest: sha256(`${rule.digest} revoked ${revoked}`),
    }
  }

  return {
    get,
    names: selectors.filter((selector): selector is FileName => !isPattern(selector)),
    selectors,
    patterns: [...rules.values()].filter(({ pattern }) => pattern !== undefined),
  }
}
