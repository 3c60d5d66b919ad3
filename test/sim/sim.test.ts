/**
 * Many daemons' real code over twins of network, disk, database and clock, from seeds. Reading a
 * failure, and trying it again: README.md beside this file.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { runSeed } from './run.ts'
import { testSeeds } from './suite.ts'

const REPLAY = join(import.meta.dirname, 'replay.ts')

testSeeds(t, 0)

t.test('one seed is one history, in this process and in another', { timeout: 0 }, async (t) => {
  const here = await runSeed(3)
  t.equal((await runSeed(3)).hash, here.hash)
  t.not((await runSeed(4)).hash, here.hash)
  const { stdout } = await promisify(execFile)(process.execPath, [REPLAY], {
    env: { ...process.env, MESH_SIM_SEED: '3', NODE_OPTIONS: '' },
    maxBuffer: 2 ** 27,
  })
  t.match(stdout, here.hash)
  t.ok(stdout.includes(here.trace.join('\n')))
})
