import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exitCodeOf, exitCodes, exitGroups } from '../../src/cli/exit.ts'
import { cliManual } from '../../src/cli/manual.ts'
import { errorTable } from '../../src/errors/index.ts'

t.test('exit codes are told apart, and each error leads to one', async (t) => {
  const codes = Object.values(exitCodes).map(({ code }) => code)
  t.same(codes, [...new Set(codes)])
  const grouped = Object.values(exitGroups).flat()
  t.same(grouped, [...new Set(grouped)])
  for (const code of grouped) t.ok(Object.hasOwn(errorTable, code), code)
})

t.test('what is in no group is a failure', async (t) => {
  t.equal(exitCodeOf('ERR_INTERNAL'), 1)
  t.equal(exitCodeOf('ERR_DISK_FULL'), 1)
  t.equal(exitCodeOf('ERR_USAGE'), 2)
  t.equal(exitCodeOf('ERR_FILE_NOT_NEWER'), 4)
  t.equal(exitCodeOf('ERR_ABORTED'), 130)
})

t.test('docs/cli.md is current', async (t) => {
  const committed = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')
  t.equal(committed, await cliManual(), 'run: node scripts/docs.ts')
})
