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

const told = (own: readonly string[], peers: readonly string[]): string =>
  `00${list(own)}${list(peers)}`

writeVectors('peers', () => ({
  about: 'Messages of /mesh/peers/1',
  accepted: [
    { why: 'nothing new', hex: told([], []), value: { anew: false, own: [], peers: [] } },
    {
      why: 'own addresses only, and a wish to be told again',
      hex: `01${list([text(here), text(there)])}${list([])}`,
      value: { anew: true, own: [here, there], peers: [] },
    },
    {
      why: 'two peers, by key',
      hex: told(
        [text(here)],
        [first.key + list([text(named)]), second.key + list([text(here), text(there)])],
      ),
      value: {
        anew: false,
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
    ['an unknown flag', `02${list([])}${list([])}`],
    ['cut short', `00${list([text(here)])}`],
    ['a byte left over', `${told([], [])}00`],
    ['own addresses not sorted', told([text(there), text(here)], [])],
    ['an address twice', told([text(here), text(here)], [])],
    ['nine addresses', told([...'123456789'].map(text), [])],
    ['an address of 257 bytes', told([text('x'.repeat(257))], [])],
    ['an address that is not UTF-8', told([`${u32(1)}ff`], [])],
    ['peers not sorted', told([], [second.key + list([]), first.key + list([])])],
    ['a peer twice', told([], [first.key + list([]), first.key + list([])])],
    ['33 peers', told([], Array(33).fill(first.key + list([])))],
    ['more peers than bytes', `00${list([])}${u32(0xffffffff)}`],
    ['a key of small order', told([], [`01${'00'.repeat(31)}${list([])}`])],
    ['a key that is not canonical', told([], ['ff'.repeat(32) + list([])])],
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
