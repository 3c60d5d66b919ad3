/** Writes peers.json and membership.json, by hand and not by the encoders: `node test/vectors/transport.make.ts`. */
import { peerIdFromPublicKey } from '../../src/keys/index.ts'
import { alice, bob, writeVectors } from './make.ts'

const u32 = (value: number): string => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes.toString('hex')
}
const text = (value: string): string => u32(value.length) + Buffer.from(value).toString('hex')
const list = (items: readonly string[]): string => u32(items.length) + items.join('')

const [first, second] = [alice, bob]
  .map(({ publicKey }) => ({ key: publicKey as string, peer: peerIdFromPublicKey(publicKey) }))
  .sort((a, b) => (a.key < b.key ? -1 : 1))
if (first === undefined || second === undefined) throw new Error('two keys')

const here = '/ip4/10.0.0.1/tcp/7946'
const there = '/ip6/2001:db8::1/tcp/7946'
const named = '/dns4/node-1.example/tcp/7946'

writeVectors('peers', () => ({
  about: 'Messages of /mesh/peers/1',
  accepted: [
    { why: 'nothing known', hex: list([]) + list([]), value: { own: [], peers: [] } },
    {
      why: 'own addresses only',
      hex: list([text(here), text(there)]) + list([]),
      value: { own: [here, there], peers: [] },
    },
    {
      why: 'two peers, by key',
      hex:
        list([text(here)]) +
        list([first.key + list([text(named)]), second.key + list([text(here), text(there)])]),
      value: {
        own: [here],
        peers: [
          { peer: first.peer, locations: [named] },
          { peer: second.peer, locations: [here, there] },
        ],
      },
    },
  ],
  refused: [
    ['empty', ''],
    ['cut short', list([text(here)])],
    ['a byte left over', `${list([]) + list([])}00`],
    ['own addresses not sorted', list([text(there), text(here)]) + list([])],
    ['an address twice', list([text(here), text(here)]) + list([])],
    ['nine addresses', list([...'123456789'].map(text)) + list([])],
    ['an address of 257 bytes', list([text('x'.repeat(257))]) + list([])],
    ['an address that is not UTF-8', `${list([`${u32(1)}ff`])}${list([])}`],
    ['peers not sorted', list([]) + list([second.key + list([]), first.key + list([])])],
    ['a peer twice', list([]) + list([first.key + list([]), first.key + list([])])],
    ['33 peers', list([]) + list(Array(33).fill(first.key + list([])))],
    ['more peers than bytes', list([]) + u32(0xffffffff)],
    ['a key of small order', list([]) + list([`01${'00'.repeat(31)}${list([])}`])],
    ['a key that is not canonical', list([]) + list(['ff'.repeat(32) + list([])])],
  ].map(([why, hex]) => ({ why, code: 'ERR_PROTOCOL_MALFORMED', hex })),
}))

const certificate = 'mesh-certificate 1\n…\n'

writeVectors('membership', () => ({
  about: 'Certificates as they travel inside /mesh/noise/1, without the two bytes of length',
  accepted: [
    { why: 'no certificate', hex: '00', certificate: null },
    { why: 'a certificate', hex: `01${Buffer.from(certificate).toString('hex')}`, certificate },
  ],
  refused: [
    ['empty', ''],
    ['an unknown tag', '02'],
    ['no certificate, and something after it', '0000'],
    ['a certificate of no bytes', '01'],
    ['not UTF-8', '01ff'],
  ].map(([why, hex]) => ({ why, code: 'ERR_PROTOCOL_MALFORMED', hex })),
}))
