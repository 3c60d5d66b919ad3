import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { createHealth } from '../../src/observe/index.ts'
import { MAX_REFUSING_PEERS, NO_PEERS_WARNING_MS } from '../../src/transport/limits.ts'
import { createPeeringHealth } from '../../src/transport/peering-health.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { PeerId } from '../../src/keys/index.ts'

const [a, b] = ['a', 'b'] as PeerId[] as [PeerId, PeerId]
const unreachable = new MeshError('ERR_PEER_UNREACHABLE', 'a: nothing listens there')
const expired = new MeshError('ERR_PEER_REFUSED', 'a refused us: our certificate has expired', {
  data: { reason: 'ERR_CERTIFICATE_EXPIRED' },
})

const setUp = (hasBootstrapPeers = true) => {
  const clock = createVirtualClock()
  const health = createHealth({ clock })
  const warnings = createPeeringHealth({ clock, health }, { hasBootstrapPeers })
  warnings.start()
  return { clock, health, warnings }
}

t.test('warns when nobody is connected for a while, and says why', async (t) => {
  const { clock, health, warnings } = setUp()
  warnings.failed(a, unreachable)
  await clock.advance(NO_PEERS_WARNING_MS - 1)
  t.same(health.list(), [])
  await clock.advance(1)
  t.match(health.list(), [
    { code: 'no-peers', severity: 'error', message: /nothing listens there/ },
  ])
  warnings.failed(b, new MeshError('ERR_TIMEOUT', 'b: silent'))
  t.match(health.list()[0]?.message, 'b: silent', 'the reasons are kept up to date')
  warnings.setConnected(true)
  t.same(health.list(), [])
  warnings.setConnected(false)
  await clock.advance(NO_PEERS_WARNING_MS)
  t.equal(health.list().length, 1)
  warnings.stop()
  t.same(health.list(), [])
})

t.test('a node that is to be dialled by others may be alone', async (t) => {
  const { clock, health } = setUp(false)
  await clock.advance(10 * NO_PEERS_WARNING_MS)
  t.same(health.list(), [])
})

t.test('says that others refuse us, once for each reason, until they do not', async (t) => {
  const { health, warnings } = setUp()
  warnings.failed(a, expired)
  warnings.failed(b, expired)
  t.match(health.list(), [
    {
      code: 'peer-refused-us',
      subject: 'ERR_CERTIFICATE_EXPIRED',
      message: /expired, and 1 more/,
    },
  ])
  warnings.connected(a)
  t.equal(health.list().length, 1)
  warnings.failed(b, unreachable)
  t.same(health.list(), [], 'what b would say now is not known')
})

t.test('counts no more peers that refuse us than so many: they may be made up', async (t) => {
  const { health, warnings } = setUp()
  for (let index = 0; index < MAX_REFUSING_PEERS + 10; index++) {
    warnings.failed(`peer-${index}` as PeerId, expired)
  }
  t.match(health.list()[0]?.message, `and ${MAX_REFUSING_PEERS - 1} more refuse us`)
  for (let index = 10; index < MAX_REFUSING_PEERS + 10; index++) {
    warnings.connected(`peer-${index}` as PeerId)
  }
  t.same(health.list(), [], 'the first are forgotten')
})

t.test('the same refusal at the next attempt is the same warning, with its age', async (t) => {
  const { clock, health, warnings } = setUp()
  warnings.failed(a, expired)
  const [before] = health.list()
  await clock.advance(5_000)
  warnings.failed(a, expired)
  t.same(health.list(), [before])
})

t.test('a full peer is nothing to act on', async (t) => {
  const { health, warnings } = setUp()
  const full = new MeshError('ERR_PEER_REFUSED', 'full', { data: { reason: 'ERR_LIMIT_EXCEEDED' } })
  warnings.failed(a, full)
  t.same(health.list(), [])
})
