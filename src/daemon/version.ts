import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Version of mesh, from its package. */
export const readVersion = (): string => {
  const path = join(import.meta.dirname, '..', '..', 'package.json')
  const { version }: { version?: unknown } = JSON.parse(readFileSync(path, 'utf8'))
  return typeof version === 'string' ? version : 'unknown'
}
