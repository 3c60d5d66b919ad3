/** What a member with a valid key may try with connections that it has, or has nearly. */
import t from 'tap'
import { MeshError } from '../../src/errors/index.ts'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { createMembership } from '../../src/transport/index.ts'
import { HANDSHAKE_TIMEOUT_MS, MAX_CONNECTIONS_PER_PEER } from '../../src/transport/limits.ts'
import { systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { connect, createAuthority, NETWORK, passTime, refusedFor, speaks } from './nodes.ts'
import { startMember, startNode, stayAlive, until } from './nodes.ts'
import { dialAndWait, dialAsHostileMember } from './strangers.ts'

stayAlive(t)

const authority = createAuthority()
const CEILING_MS = 60_000

const createMember = async () => {
  const identity = generatePrivateKey(systemRandom)
  const certificate = await authority.issue(identity.publicKey, { name: 'mallory' })
  return { identity, certificate, peer: peerIdFromPublicKey(identity.publicKey) }
}

t.test('a connection that was let in does not outlive the revocation of its peer', async (t) => {
  const node = await startMember(t, authority, {})
  const mallory = await createMember()
  const { goOn } = await dialAndWait(t, node, mallory)
  const revoked = new MeshError('ERR_CERTIFICATE_REVOKED', 'its certificate is revoked')
  const judged = { network: NETWORK, networkKeys: [authority.key.publicKey] }
  node.setMembership(
    createMembership(
      { clock: { nowMs: Date.now } },
      {
        ...judged,
        checkRevoked: () => {
          throw revoked
        },
      },
    ),
  )
  goOn()
  await refusedFor(node, 'ERR_CERTIFICATE_REVOKED')
  t.same(node.peers(), [])
})

t.test('a connection that was let in does not outlive the standing of its peer', async (t) => {
  const node = await startMember(t, authority, {})
  const mallory = await createMember()
  const { goOn } = await dialAndWait(t, node, mallory)
  node.blame(mallory.peer, new MeshError('ERR_SIGNATURE_INVALID', 'a forged signature'))
  goOn()
  await refusedFor(node, 'ERR_PEER_MISBEHAVED')
  t.same(node.peers(), [])
})

t.test('a connection that was let in takes no place that is gone meanwhile', async (t) => {
  const node = await startMember(t, authority, { maxConnections: 1 })
  const { goOn } = await dialAndWait(t, node, await createMember())
  const other = await startMember(t, authority, {})
  await connect(other, node)
  goOn()
  await refusedFor(node, 'ERR_LIMIT_EXCEEDED')
  t.same(
    node.peers().map(({ id }) => id),
    [other.peerId],
  )
})

t.test('a connection that was let in does not outlive its pre-shared key', async (t) => {
  const [before, after] = [systemRandom.bytes(32), systemRandom.bytes(32)]
  const node = await startMember(t, authority, { psks: [after, before] })
  const { goOn } = await dialAndWait(t, node, { ...(await createMember()), psk: before })
  node.setPsks([after])
  goOn()
  await until(() => node.counts().handshakes === 0, 'it is cut', CEILING_MS)
  t.same(node.peers(), [])
})

t.test('whoever is let in and goes no further is cut in time', async (t) => {
  const startMs = Date.now()
  const clock = createVirtualClock({ startMs })
  const node = await startMember(t, authority, { clock })
  await dialAndWait(t, node, await createMember())
  t.equal(node.counts().handshakes, 1, 'and takes the place of a stranger until then')
  const isOver = (): boolean => node.counts().handshakes === 0
  await passTime(clock, isOver, 'it is cut')
  t.ok(clock.nowMs() >= startMs + HANDSHAKE_TIMEOUT_MS, 'and not before')
  t.same(node.counts().refused, { ERR_TIMEOUT: 1 })
})

t.test('one member takes the places of nobody else', async (t) => {
  const maxConnections = 2 * MAX_CONNECTIONS_PER_PEER
  const node = await startNode(t, { maxConnections })
  const identity = generatePrivateKey(systemRandom)
  for (let count = 0; count < 2 * maxConnections; count++) {
    await dialAsHostileMember(t, node, identity)
  }
  await until(
    () => node.counts().connections === MAX_CONNECTIONS_PER_PEER,
    'it has as many as it may have',
    CEILING_MS,
  )
  const honest = await startNode(t)
  await connect(honest, node)
  t.ok(await speaks(honest, node))
  t.equal(node.peers().length, 2)
})
