import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A copy of what belongs to a checkout, sharing its packages. */
export const copyCheckout = (root: string): string => {
  const copy = mkdtempSync(join(tmpdir(), 'mesh-switch-off-'))
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: root, encoding: 'utf8' },
  )
  for (const path of listed.split('\0').filter((each) => each !== '' && each !== 'node_modules')) {
    cpSync(join(root, path), join(copy, path), { force: true, errorOnExist: false })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}
