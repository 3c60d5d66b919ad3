import t from 'tap'
import { generatePrivateKey } from '../../src/keys/index.ts'
import {
  encodeSignedStatement,
  parseFileName,
  parseNetworkId,
  signStatement,
} from '../../src/statement/index.ts'
import { encodeAnnounce } from '../../src/sync/announce/messages.ts'
import { encodeAnswer, encodeRequest } from '../../src/sync/content/messages.ts'
import { encodePushPull } from '../../src/sync/push-pull/messages.ts'
import { encodePeerExchange } from '../../src/transport/peer-exchange-codec.ts'
import { peerIdFromPublicKey } from '../../src/keys/index.ts'
import { sha256, systemRandom, utf8 } from '../../src/util/index.ts'
import {
  DONE,
  EQUAL,
  found,
  have,
  items,
  MISSING,
  peerExchange,
  putItems,
  readTaken,
  record,
  request,
  round,
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
  same(MISSING, encodeAnswer({ type: 'missing' }), 'missing')
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
