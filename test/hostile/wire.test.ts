import t from 'tap'
import { generatePrivateKey } from '../../src/keys/index.ts'
import {
  encodeSignedStatement,
  parseFileName,
  parseNetworkId,
  signStatement,
} from '../../src/statement/index.ts'
import { encodeAnnounce } from '../../src/sync/announce/messages.ts'
import { encodeBlockAnswer, encodeBlockRequest } from '../../src/sync/blocks/messages.ts'
import { encodeAnswer, encodeRequest } from '../../src/sync/content/messages.ts'
import { encodePushPull } from '../../src/sync/push-pull/messages.ts'
import { digestOfNames as digestOfOurNames } from '../../src/sync/push-pull/names.ts'
import { encodePeerExchange } from '../../src/transport/peer-exchange-codec.ts'
import { peerIdFromPublicKey } from '../../src/keys/index.ts'
import { sha256, systemRandom, utf8 } from '../../src/util/index.ts'
import {
  allBlocks,
  askBlocks,
  askList,
  blockPiece,
  closeBlocks,
  differs,
  digestOfNames,
  DONE,
  EQUAL,
  found,
  have,
  items,
  lastItems,
  listPiece,
  MISSING,
  namesPage,
  offerNames,
  openBlocks,
  peerExchange,
  PUSH_PULL,
  putItems,
  ranges,
  readGetRanges,
  readOfferNames,
  readTaken,
  record,
  request,
  round,
  TAKEN_ALL,
} from './wire.ts'
import type { Timestamp } from '../../src/util/index.ts'

t.test('what is written from the pages is what the daemon writes', async (t) => {
  const digest = sha256('content')
  const key = generatePrivateKey(systemRandom)
  const signed = await signStatement(
    {
      network: parseNetworkId('net'),
      name: parseFileName('x'),
      version: 1,
      time: 0 as Timestamp,
      expires: 'never',
      replaces: 'none',
      content: { digest, sizeBytes: 7 },
      blocks: 'none',
    },
    [key],
  )
  const same = (mine: Uint8Array, theirs: Uint8Array, what: string): boolean =>
    t.equal(Buffer.from(mine).toString('hex'), Buffer.from(theirs).toString('hex'), what)
  same(record(signed), encodeSignedStatement(signed), 'record')
  same(
    items({ record: record(signed), holds: true, content: 'content' }, { record: record(signed) }),
    encodeAnnounce({
      type: 'items',
      collection: 'files',
      items: [
        { holds: true, record: encodeSignedStatement(signed), content: utf8('content') },
        { holds: false, record: encodeSignedStatement(signed) },
      ],
    }),
    'items',
  )
  const holdings = [{ name: 'x', digest }]
  same(have(...holdings), encodeAnnounce({ type: 'have', collection: 'files', holdings }), 'have')
  same(
    request('x', digest, 3),
    encodeRequest({ collection: 'files', name: 'x', digest, offset: 3 }),
    'request',
  )
  same(found(7), encodeAnswer({ type: 'found', sizeBytes: 7 }), 'found')
  same(
    round(digest),
    encodePushPull({ type: 'round', collection: 'files', state: digest }),
    'round',
  )
  same(
    putItems({ record: record(signed), content: 'content' }),
    encodePushPull({
      type: 'put-items',
      items: [{ holds: false, record: encodeSignedStatement(signed), content: utf8('content') }],
    }),
    'put-items',
  )
  same(EQUAL, encodePushPull({ type: 'equal' }), 'equal')
  same(DONE, encodePushPull({ type: 'done' }), 'done')
  t.strictSame(readTaken(encodePushPull({ type: 'taken', notKept: [0, 2] })), [0, 2])
  const names = ['a', 'ä', 'ｂ']
  t.equal(digestOfNames(names), digestOfOurNames(names))
  same(
    differs(digest, sha256('root')),
    encodePushPull({ type: 'differs', names: digest, yourNames: 'none', root: sha256('root') }),
    'differs',
  )
  same(
    differs(digest, digest, sha256('yours')),
    encodePushPull({ type: 'differs', names: digest, yourNames: sha256('yours'), root: digest }),
    'differs, with names known',
  )
  const offer = encodePushPull({ type: 'offer-names', names: digest })
  same(offerNames(digest), offer, 'offer-names')
  t.equal(readOfferNames(offer), digest)
  for (const last of [true, false]) {
    same(namesPage(names, last), encodePushPull({ type: 'names', last, names }), 'names')
  }
  same(
    ranges([{ digits: 16 }, { shorts: 2 }, { shorts: 0 }]),
    encodePushPull({
      type: 'ranges',
      parts: [
        { kind: 'split', parts: Array.from({ length: 16 }, (_, digit) => digit) },
        { kind: 'list', shorts: [0, 1] },
        { kind: 'list', shorts: [] },
      ],
    }),
    'ranges',
  )
  same(
    lastItems({ record: record(signed) }),
    encodePushPull({
      type: 'items',
      last: true,
      items: [{ holds: false, record: encodeSignedStatement(signed) }],
    }),
    'items of push-pull',
  )
  same(TAKEN_ALL, encodePushPull({ type: 'taken', notKept: [] }), 'taken')
  const salt = new Uint8Array(16)

  const getRanges = encodePushPull({
    type: 'get-ranges',
    salt,
    maxListIds: 16,
    prefixes: ['', 'a', 'abc'],
  })
  t.strictSame(readGetRanges(getRanges), { maxListIds: 16, prefixes: [0, 1, 3] })
  const types = [
    encodePushPull({ type: 'round', collection: 'files', state: digest }),
    encodePushPull({ type: 'differs', names: digest, yourNames: 'none', root: digest }),
    offer,
    encodePushPull({ type: 'get-names' }),
    getRanges,
    encodePushPull({ type: 'get-items', salt, groups: [] }),
    encodePushPull({ type: 'put-items', items: [] }),
    encodePushPull({ type: 'done' }),
  ]
  t.strictSame(
    types.map(([type]) => type),
    Object.values(PUSH_PULL),
  )
  same(MISSING, encodeAnswer({ type: 'missing' }), 'missing')
  const content = { collection: 'files', name: 'x', digest, list: digest }
  const bytes = Buffer.from('piece')
  const piece = { sizeBytes: 7, offset: 2, bytes }
  same(
    openBlocks(1, 'x', digest, digest),
    encodeBlockRequest({ type: 'open', id: 1, ...content }),
    'open',
  )
  same(closeBlocks(1), encodeBlockRequest({ type: 'close', id: 1 }), 'close')
  same(askList(1), encodeBlockRequest({ type: 'ask-list', id: 1 }), 'ask-list')
  same(
    askBlocks(1, [0, 3]),
    encodeBlockRequest({ type: 'ask', id: 1, insist: true, indexes: [0, 3] }),
    'ask',
  )
  same(allBlocks(1), encodeBlockAnswer({ type: 'all', id: 1 }), 'all')
  same(listPiece(1, 7, 2, bytes), encodeBlockAnswer({ type: 'list', id: 1, ...piece }), 'list')
  same(
    blockPiece(1, 3, 2, bytes),
    encodeBlockAnswer({ type: 'piece', id: 1, index: 3, offset: 2, bytes }),
    'piece',
  )
  const locations = ['/ip4/10.0.0.1/tcp/1', '/dns4/example.org/tcp/1']
  same(
    peerExchange([{ key: key.publicKey, locations }]),
    encodePeerExchange({
      anew: false,
      own: [],
      peers: [{ peer: peerIdFromPublicKey(key.publicKey), locations }],
    }),
    'peers',
  )
})
