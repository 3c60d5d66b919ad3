import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * A directory for sockets. `t.testdir()` lies inside the clone and carries the test's title, and a
 * socket's path may have 107 bytes.
 */
export const shortDirectory = (t: Test): string => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
