import t from 'tap'
import { mesh } from '../harness.ts'

t.test(
  'an old version of a file that decides who belongs is not brought back unasked',
  async (t) => {
    for (const name of ['_mesh/revoked', '_mesh/certificates', '_mesh/heartbeat']) {
      const restore = ['file', 'restore', name, '--version', '1', '--key', '/nowhere/key']
      const { code, stderr } = await mesh(restore)
      t.equal(code, 2)
      t.match(stderr, /gives back what was revoked.*mesh certificate revoke.*--force/s)
      const forced = await mesh([...restore, '--force'])
      t.match(forced.stderr, /\/nowhere\/key/, 'with --force it goes on to the next thing')
    }
  },
)
