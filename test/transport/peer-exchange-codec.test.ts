import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { peerIdFromPublicKey, privateKeyFromSeed } from '../../src/keys/index.ts'
import { MAX_EXCHANGED_PEERS, MAX_PEER_EXCHANGE_BYTES } from '../../src/transport/limits.ts'
import { decodePeerExchange, encodePeerExchange } from '../../src/transport/peer-exchange-codec.ts'
import { fromHex, toHex } from '../../src/util/index.ts'
import type { PeerExchange } from '../../src/transport/peer-exchange-codec.ts'

interface Vectors {
  readonly accepted: readonly {
    readonly why: string
    readonly hex: string
    readonly value: PeerExchange
  }[]
  readonly refused: readonly { readonly why: string; readonly hex: string; readonly code: string }[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/peers.json'), 'utf8'),
)
const bytesOf = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array()

t.test('messages are as they are written down', async (t) => {
  for (const { why, hex, value } of vectors.accepted) {
    t.equal(toHex(encodePeerExchange(value)), hex, why)
    t.same(decodePeerExchange(bytesOf(hex)), value, why)
  }
  for (const { why, hex, code } of vectors.refused) {
    t.throws(() => decodePeerExchange(bytesOf(hex)), { code }, why)
  }
})

const keys = Array.from({ length: 33 }, (_, index) =>
  peerIdFromPublicKey(privateKeyFromSeed(new Uint8Array(32).fill(index)).publicKey),
)
const locations = fc.array(
  fc.string({ maxLength: 40 }).map((each) => each.toWellFormed()),
  {
    maxLength: 12,
  },
)
const messages = fc.record({
  anew: fc.boolean(),
  own: locations,
  peers: fc.uniqueArray(fc.record({ peer: fc.constantFrom(...keys), locations }), {
    maxLength: 32,
    selector: ({ peer }) => peer,
  }),
})

t.test('what is decoded encodes to the same bytes', async () => {
  fc.assert(
    fc.property(messages, (message) => {
      const bytes = encodePeerExchange(message)
      const again = encodePeerExchange(decodePeerExchange(bytes))
      if (Buffer.compare(bytes, again) !== 0) throw new Error('not the same')
    }),
  )
})

t.test('anything else is the declared error', async () => {
  const damage = fc.tuple(messages, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat({ max: 3 }))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damage), (input) => {
      let bytes: Uint8Array
      if (input instanceof Uint8Array) bytes = input
      else {
        const [message, at, value, cut] = input
        const whole = Buffer.from(encodePeerExchange(message))
        whole[at % whole.length] = value
        bytes = whole.subarray(0, whole.length - cut)
      }
      try {
        const again = encodePeerExchange(decodePeerExchange(bytes))
        if (Buffer.compare(bytes, again) !== 0) throw new Error('two spellings of one message')
      } catch (error) {
        if (!isMeshError(error, 'ERR_PROTOCOL_MALFORMED')) throw error
      }
    }),
  )
})

t.test('the longest message fits into a frame', async (t) => {
  const many = Array.from({ length: 8 }, (_, index) => `${index}`.padEnd(256, 'x'))
  const message = {
    anew: false,
    own: many,
    peers: keys.slice(0, 32).map((peer) => ({ peer, locations: many })),
  }
  t.ok(encodePeerExchange(message).length <= MAX_PEER_EXCHANGE_BYTES)
})

t.test('as many peers as may be are taken, and one more is refused', async (t) => {
  const tell = (count: number) =>
    decodePeerExchange(
      encodePeerExchange({
        ...{ anew: false, own: [] },
        peers: keys.slice(0, count).map((peer) => ({ peer, locations: [] })),
      }),
    )
  t.equal(tell(MAX_EXCHANGED_PEERS).peers.length, MAX_EXCHANGED_PEERS)
  t.throws(() => tell(MAX_EXCHANGED_PEERS + 1), { code: 'ERR_PROTOCOL_MALFORMED' })
})
