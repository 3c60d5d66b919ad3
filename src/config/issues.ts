import { entriesOf, settingOf } from './entries.ts'
import type * as v from 'valibot'
import type { Schema } from './entries.ts'
import type { Finding } from './problems.ts'

const partOf = (key: unknown): string | number => (typeof key === 'number' ? key : String(key))

/** Whether the key at `path` holds the path of a secret, so that its line is never quoted. */
const isSecret = (root: Schema, path: readonly (string | number)[]): boolean => {
  let schema: Schema | undefined = root
  for (const part of path) {
    if (schema === undefined || typeof part === 'number') break
    const entries = entriesOf(schema)
    const next: Schema | undefined =
      entries !== undefined && Object.hasOwn(entries, part) ? entries[part] : undefined
    if (next !== undefined && settingOf(next).secret === true) return true
    schema = next
  }
  return false
}

/** What valibot found, as findings. A key that is missing is reported where it should be. */
export const issuesToFindings = (
  root: Schema,
  issues: readonly v.BaseIssue<unknown>[],
): Finding[] =>
  issues.map((issue) => {
    const path = (issue.path ?? []).map(({ key }) => partOf(key))
    const last = issue.path?.at(-1)
    const missing = last !== undefined && 'origin' in last && last.origin === 'key'
    const message = missing ? 'is missing' : issue.message
    return { path, message, quote: isSecret(root, path) ? 'nothing' : 'line' }
  })
