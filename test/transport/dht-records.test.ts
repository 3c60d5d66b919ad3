/** That nobody can have others keep something for them in the DHT. */
import t from 'tap'
import { multiaddr } from '@multiformats/multiaddr'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { createHandshakes } from '../../src/transport/handshakes.ts'
import { createMembership } from '../../src/transport/index.ts'
import { createLibp2pNode } from '../../src/transport/libp2p-node.ts'
import { sha256, systemClock, systemRandom } from '../../src/util/index.ts'
import { addressOf, NETWORK, startNode, stayAlive } from './nodes.ts'
import type { Test } from 'tap'

stayAlive(t)

const [PUT_VALUE, ADD_PROVIDER, GET_PROVIDERS] = [0, 2, 3]

/** A field of protobuf that is bytes. */
const field = (number: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(number * 8 + 2, bytes.length), bytes])

/** A message of Kademlia with its length before it. */
const message = (type: number, ...fields: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat([Buffer.of(8, type), ...fields])
  return Buffer.concat([Buffer.of((body.length & 127) | 128, body.length >> 7), body])
}

/** A member that writes what it likes. */
const startMember = async (t: Test, address: string) => {
  const [clock, random] = [systemClock, systemRandom]
  const nothing = (): void => {}
  const membership = createMembership({ clock }, { network: NETWORK, networkKeys: [] })
  const node = await createLibp2pNode(
    {
      ...{ identity: generatePrivateKey(random), clock, random },
      handshakes: createHandshakes({ clock }, { onFailed: nothing }),
    },
    {
      ...{ listen: [], psks: [], announce: [], dht: false },
      ...{ maxConnections: 10, maxInboundBytesPerSecond: 2 ** 30 },
      ...{ membership: () => membership, checkPlace: nothing, isAvoided: () => false },
      ...{ onDiscovered: nothing, onBreach: nothing, onRefused: nothing },
      ...{ onOpen: nothing, onClose: nothing },
    },
  )
  await node.start()
  t.teardown(() => node.stop())
  return {
    id: node.peerId.toMultihash().bytes,
    /** What is answered, until the stream ends. */
    async ask(bytes: Uint8Array): Promise<Buffer> {
      const stream = await node.dialProtocol(multiaddr(address), '/mesh/kad/1')
      stream.send(bytes)
      await stream.close().catch(() => {})
      const parts: Uint8Array[] = []
      try {
        for await (const part of stream) parts.push(part.subarray())
      } catch {
        // It was reset, which is an answer, too.
      }
      return Buffer.concat(parts)
    },
  }
}

t.test('keeps neither records nor providers for anybody', async (t) => {
  const node = await startNode(t, { dht: { enabled: true } })
  const member = await startMember(t, addressOf(node))
  const digest = Buffer.from(sha256(Buffer.from('something')), 'hex')
  // A CID of raw bytes by their SHA-256.
  const cid = field(2, Buffer.concat([Buffer.of(1, 0x55, 0x12, 32), digest]))
  const provider = field(
    9,
    Buffer.concat([field(1, member.id), field(2, multiaddr('/ip4/192.0.2.1/tcp/1').bytes)]),
  )
  await member.ask(message(ADD_PROVIDER, cid, provider))
  const providers = await member.ask(message(GET_PROVIDERS, cid))
  t.ok(providers.includes(digest), 'it is answered')
  t.notOk(providers.includes(Buffer.from(member.id)), 'nobody provides it')

  for (const key of ['/pk/some key', '/other/some key']) {
    const named = field(2, Buffer.from(key))
    const record = Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from('a value'))])
    // Whoever keeps it says so by sending it back.
    const answer = await member.ask(message(PUT_VALUE, named, field(3, record)))
    t.same(answer, Buffer.of(), key)
  }
})
