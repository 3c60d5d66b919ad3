import t from 'tap'
import { generatePrivateKey, peerIdFromPublicKey } from '../../src/keys/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { testTransport } from '../contracts/transport.ts'
import { createNode, createAuthority, deadAddress, NETWORK } from './nodes.ts'
import { createMembership } from '../../src/transport/index.ts'
import { systemClock } from '../../src/util/index.ts'

testTransport(t, 'libp2p transport', async (t) => ({
  create: async () => createNode(t),
  deadAddress: await deadAddress(),
}))

testTransport(t, 'libp2p transport with a pre-shared key and certificates', async (t) => {
  const authority = createAuthority()
  const psks = [systemRandom.bytes(32)]
  return {
    async create(name) {
      const identity = generatePrivateKey(systemRandom)
      const certificate = await authority.issue(identity.publicKey, { name })
      const networkKeys = [authority.key.publicKey]
      const init = { network: NETWORK, networkKeys, certificate }
      const membership = createMembership({ clock: systemClock }, init)
      return createNode(t, { identity, membership, psks })
    },
    deadAddress: await deadAddress(),
  }
})

t.test('its peer id is the one of its key', async (t) => {
  const identity = generatePrivateKey(systemRandom)
  const node = createNode(t, { identity })
  t.equal(node.peerId, peerIdFromPublicKey(identity.publicKey))
  await node.start()
  for (const address of node.addresses()) t.match(address, `/p2p/${node.peerId}`)
})
