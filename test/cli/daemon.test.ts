import t from 'tap'
import { daemonAddress } from '../../src/cli/daemon.ts'

const nothing = (): boolean => false

t.test(
  'looks for the daemon where it was told, then in the environment, then in its usual places',
  async (t) => {
    const env = { MESH_URL: 'http://env', MESH_SOCKET: '/env.sock' }
    t.same(daemonAddress({ url: 'http://a' }, env), { url: 'http://a' })
    t.same(daemonAddress({ socket: '/a.sock' }, env), { socketPath: '/a.sock' })
    t.same(daemonAddress({}, env), { url: 'http://env' })
    t.same(daemonAddress({}, { MESH_URL: '', MESH_SOCKET: '/env.sock' }), {
      socketPath: '/env.sock',
    })
    t.same(
      daemonAddress({}, {}, (path) => path === '/run/mesh/mesh.sock'),
      {
        socketPath: '/run/mesh/mesh.sock',
      },
    )
    t.same(
      daemonAddress({}, {}, (path) => path === '/var/lib/mesh/mesh.sock'),
      { socketPath: '/var/lib/mesh/mesh.sock' },
    )
    t.same(daemonAddress({}, {}, nothing), { url: 'http://127.0.0.1:7331' })
    t.throws(() => daemonAddress({ url: '' }, env), { code: 'ERR_USAGE' })
  },
)
