/** What is made from other things is current: the options of the module, and their reference. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listSettings } from '../../src/config/index.ts'
import { nixMissing, project, run, takeTime } from './support.ts'

takeTime(t)

t.test('nix/settings.json has the keys of the daemon', async (t) => {
  const committed: unknown = JSON.parse(readFileSync(join(project, 'nix/settings.json'), 'utf8'))
  t.same(committed, listSettings(), 'run: node scripts/docs.ts')
})

t.test('docs/nixos.md has every option', nixMissing(), async (t) => {
  const { code, stderr } = await run(process.execPath, ['nix/options.ts', '--check'])
  t.equal(code, 0, stderr)
})
