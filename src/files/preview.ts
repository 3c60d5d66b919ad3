import { viewOf } from './view.ts'
import type { FileName } from '../statement/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { Rules } from './rules.ts'
import type { FileChange, FileView } from './types.ts'

/** What every name whose rule differs would be under other rules; nothing is changed by asking. */
export const previewOf = (
  catalogue: Pick<Catalogue, 'kept' | 'row' | 'keptNames'>,
  now: Rules,
  next: Rules,
): FileChange[] => {
  const view = (name: FileName, rules: Rules): FileView | undefined => {
    const rule = rules.get(name)
    if (rule === undefined) return undefined
    return viewOf(name, rule, { kept: catalogue.kept(name), row: catalogue.row(name) })
  }
  const names = new Set([...now.names, ...next.names, ...catalogue.keptNames()])
  return [...names].sort().flatMap((name) => {
    if (now.get(name)?.digest === next.get(name)?.digest) return []
    return [{ name, before: view(name, now), after: view(name, next) }]
  })
}
