import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Edit } from './table.ts'

/** A source file as it is, and as it would be. */
export interface Changed {
  readonly file: string
  readonly before: string
  readonly after: string
}

/** The files that `edits` change; throws where the text to be replaced is not there exactly once. */
export const applyEdits = (root: string, edits: readonly Edit[]): Changed[] => {
  const changed = new Map<string, Changed>()
  for (const { file, find, put } of edits) {
    const before = changed.get(file)?.before ?? readFileSync(join(root, file), 'utf8')
    const current = changed.get(file)?.after ?? before
    const count = current.split(find).length - 1
    if (count !== 1) throw new Error(`${file} has ${count} times, not once: ${find}`)
    changed.set(file, { file, before, after: current.replace(find, () => put) })
  }
  return [...changed.values()]
}
