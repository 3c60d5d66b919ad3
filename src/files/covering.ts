import { isPattern, prefixOf } from '../statement/index.ts'
import type { FileName, Selector } from '../statement/index.ts'
import type { NotCovered } from './types.ts'
import type { Rules } from './rules.ts'

/** Why a selector that begins like this name does not cover it. */
const whyNot = (
  name: FileName,
  selector: Selector,
  rules: Rules,
): NotCovered['why'] | undefined => {
  if (!isPattern(selector)) {
    if (name.startsWith(`${selector}/`)) return 'below-file'
    return selector.startsWith(`${name}/`) ? 'directory' : undefined
  }
  const prefix = prefixOf(selector)
  if (`${name}/` === prefix || prefix.startsWith(`${name}/`)) return 'directory'
  if (!name.startsWith(prefix)) return undefined
  const rest = name.slice(prefix.length)
  if (rest === '') return 'nothing-for-star'
  if (rest.includes('/')) return 'slash'
  const rule = rules.patterns.find(({ pattern }) => pattern === selector)
  return rule?.authority.certified === undefined ? 'directory' : 'not-a-key'
}

/** The selector that comes nearest to covering a name which is not configured, and why it does not. */
export const notCovered = (name: FileName, rules: Rules): NotCovered | undefined => {
  let best: NotCovered | undefined
  for (const selector of rules.selectors) {
    const why = whyNot(name, selector, rules)
    if (why === undefined) continue
    // A directory of something says least; else whichever has most in common with the name.
    const isBetter =
      best === undefined ||
      (best.why === 'directory' && why !== 'directory') ||
      (why !== 'directory' && selector.length > best.selector.length)
    if (isBetter) best = { selector, why }
  }
  return best
}
