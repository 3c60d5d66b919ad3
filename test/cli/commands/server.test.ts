import { join } from 'node:path'
import t from 'tap'
import { mesh } from '../harness.ts'

t.test('a bad configuration ends it with 78, as service managers know it', async (t) => {
  const directory = t.testdir({ 'dm.toml': 'nonsense = 1' })
  const { code, stderr } = await mesh(['server', '--config', join(directory, 'dm.toml')])
  t.equal(code, 78)
  t.match(stderr, /dm\.toml:1:1: nonsense: is not a known key/)
  t.match(await mesh(['server'], { env: { MESH_CONFIG: '/nonexistent' } }), { code: 78 })
})
