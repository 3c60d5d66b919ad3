import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT_CONFIG_PATH } from '../../../src/config/index.ts'
import { mesh } from '../harness.ts'

t.test('a bad configuration ends it with 78, as service managers know it', async (t) => {
  const directory = t.testdir({ 'dm.toml': 'nonsense = 1' })
  const { code, stderr } = await mesh(['server', '--config', join(directory, 'dm.toml')])
  t.equal(code, 78)
  t.match(stderr, /dm\.toml:1:1: nonsense: is not a known key/)
  t.match(await mesh(['server'], { env: { MESH_CONFIG: '/nonexistent' } }), { code: 78 })
})

t.test('a configuration that is named has to be there, the usual one as well', async (t) => {
  if (existsSync(DEFAULT_CONFIG_PATH)) return t.comment('skipped: a daemon is configured here')
  // Nothing can be kept in there, should it start after all.
  const env = { STATE_DIRECTORY: '/dev/null' }
  const { code, stderr } = await mesh(['server', '--config', DEFAULT_CONFIG_PATH], { env })
  t.equal(code, 78)
  t.match(stderr, `${DEFAULT_CONFIG_PATH} cannot be read: there is no such file`)
})
