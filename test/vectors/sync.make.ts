/** Writes announce.json, push-pull.json, tree.json, content.json and block-exchange.json: `node test/vectors/sync.make.ts`. */
import { encodeAnnounce } from '../../src/sync/announce/messages.ts'
import { encodeBlockAnswer, encodeBlockRequest } from '../../src/sync/blocks/messages.ts'
import { encodeAnswer, encodeRequest } from '../../src/sync/content/messages.ts'
import { encodePushPull } from '../../src/sync/push-pull/messages.ts'
import { createShortener } from '../../src/sync/push-pull/ranges.ts'
import { createSortedTree } from '../../src/tree/index.ts'
import { sha256, toHex } from '../../src/util/index.ts'
import { plain } from '../support/vectors.ts'
import { writeVectors } from './make.ts'
import type { AnnounceMessage } from '../../src/sync/announce/messages.ts'
import type { PushPullMessage } from '../../src/sync/push-pull/messages.ts'
import type { WireItem } from '../../src/sync/wire.ts'
import type { Digest } from '../../src/util/index.ts'

const digest = (digit: string): Digest => digit.repeat(64) as Digest
const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')

const bare: WireItem = { holds: false, record: bytes('010203') }
const inline: WireItem = { holds: true, record: bytes('ff'), content: bytes('68656c6c6f') }
const held: WireItem = { holds: true, record: bytes('00') }

const maker =
  <T>(encode: (message: T) => Uint8Array) =>
  (title: string, message: T) => ({ title, message: plain(message), bytes: toHex(encode(message)) })

const about = (protocol: string): string =>
  `Frames of ${protocol}: decode(bytes) = message and encode(message) = bytes; "invalid" is refused.`

const announce = maker<AnnounceMessage>(encodeAnnounce)
const files = '0566696c6573'

writeVectors('announce', () => ({
  about: about('/mesh/announce/1'),
  valid: [
    announce('hello', { type: 'hello' }),
    announce('welcome', { type: 'welcome' }),
    announce('no room', { type: 'refusal', reason: 'full' }),
    announce('joined already', { type: 'refusal', reason: 'joined' }),
    announce('three records', { type: 'items', collection: 'files', items: [bare, inline, held] }),
    announce('two holdings', {
      type: 'have',
      collection: 'files',
      holdings: [
        { name: 'certs/ca.pem', digest: digest('a') },
        { name: 'motd', digest: digest('1') },
      ],
    }),
  ],
  invalid: [
    { title: 'empty', bytes: '' },
    { title: 'type 0', bytes: '00' },
    { title: 'an unknown type', bytes: '06' },
    { title: 'a byte too many', bytes: '0100' },
    { title: 'an unknown reason', bytes: '0302' },
    { title: 'an unknown flag', bytes: `04${files}010000000401000000ff` },
    { title: 'a record that is cut off', bytes: `04${files}010000000005000000ff` },
    { title: 'more records than may be in a frame', bytes: `04${files}01040000` },
    { title: 'a collection with a capital', bytes: '040546696c657300000000' },
    { title: 'a collection without a name', bytes: '040000000000' },
    { title: 'an empty name', bytes: `05${files}0100000000000000${digest('a')}` },
  ],
}))

const salt = bytes('000102030405060708090a0b0c0d0e0f')
const pushPull = maker<PushPullMessage>(encodePushPull)

writeVectors('push-pull', () => ({
  about: about('/mesh/push-pull/1'),
  valid: [
    pushPull('round', { type: 'round', collection: 'files', state: digest('5') }),
    pushPull('equal', { type: 'equal' }),
    pushPull('differs', {
      ...{ type: 'differs', names: digest('1'), yourNames: digest('2'), root: digest('3') },
    }),
    pushPull('names unknown', {
      ...{ type: 'differs', names: digest('1'), yourNames: 'none', root: digest('3') },
    }),
    pushPull('offer-names', { type: 'offer-names', names: digest('3') }),
    pushPull('get-names', { type: 'get-names' }),
    pushPull('names', { type: 'names', last: true, names: ['certs/ca.pem', 'motd'] }),
    pushPull('names, more to come', { type: 'names', last: false, names: ['a'] }),
    pushPull('get-ranges of everything', {
      ...{ type: 'get-ranges', salt, maxListIds: 16, prefixes: [''] },
    }),
    pushPull('get-ranges', {
      ...{ type: 'get-ranges', salt, maxListIds: 254, prefixes: ['0', 'ab', 'fff'] },
    }),
    pushPull('ranges', {
      type: 'ranges',
      parts: [
        { kind: 'list', shorts: [] },
        { kind: 'list', shorts: [1, 0xffffffffff] },
        { kind: 'split', parts: [7, ...Array.from({ length: 14 }, () => null), 0x123456789a] },
      ],
    }),
    pushPull('get-items', {
      ...{ type: 'get-items', salt, groups: [{ prefix: 'abc', shorts: [5, 6], rivals: [] }] },
    }),
    pushPull('get-items, but nothing older than these', {
      ...{ type: 'get-items', salt },
      groups: [{ prefix: '', shorts: [7], rivals: [{ mark: 0xabcd, rank: 3 }] }],
    }),
    pushPull('items', { type: 'items', last: false, items: [inline] }),
    pushPull('no more items', { type: 'items', last: true, items: [] }),
    pushPull('put-items', { type: 'put-items', items: [bare, held] }),
    pushPull('taken', { type: 'taken', notKept: [0, 7, 300] }),
    pushPull('done', { type: 'done' }),
  ],
  invalid: [
    { title: 'empty', bytes: '' },
    { title: 'type 0', bytes: '00' },
    { title: 'an unknown type', bytes: '0e' },
    { title: 'a byte too many', bytes: '0200' },
    { title: 'half a digest', bytes: `04${'11'.repeat(16)}` },
    { title: 'a flag of two', bytes: '060200000000' },
    { title: 'a salt that is cut off', bytes: `07${'00'.repeat(15)}` },
    { title: 'a list longer than lists are', bytes: `07${'00'.repeat(16)}ff0000` },
    { title: 'a prefix as long as an id', bytes: `07${'00'.repeat(16)}10010040${'00'.repeat(32)}` },
    { title: 'half a byte left over', bytes: `07${'00'.repeat(16)}10010001a1` },
    { title: 'more ranges than may be asked for', bytes: `07${'00'.repeat(16)}100104` },
    { title: 'a fingerprint that is cut off', bytes: '080100ff010000000000' },
    { title: 'a group of no ids', bytes: `09${'00'.repeat(16)}01000000` },
    {
      title: 'more rivals than ids in a list',
      bytes: `09${'00'.repeat(16)}0100000105${'00'.repeat(4)}ff`,
    },
    {
      title: 'a rival that is cut off',
      bytes: `09${'00'.repeat(16)}01000001${'00'.repeat(5)}0100000000`,
    },
    { title: 'more groups than may be asked for', bytes: `09${'00'.repeat(16)}0101` },
    { title: 'positions out of order', bytes: '0c0200000001000000' },
    { title: 'a name that is not UTF-8', bytes: '06010100000001000000ff' },
  ],
}))

const treeIds = (count: number): Digest[] =>
  Array.from({ length: count }, (_, index) => sha256(`id ${index}`)).sort()

writeVectors('tree', () => ({
  about:
    'The root of the ids that are SHA-256 of "id 0" to "id <count - 1>", and their short ids and fingerprint with the salt.',
  salt: toHex(salt),
  trees: [0, 1, 64, 65, 1_000].map((count) => {
    const tree = createSortedTree(treeIds(count))
    const { hash } = tree.summary('')
    const [first] = tree.ids('')
    const shorten = createShortener(salt)
    return {
      ...{ count, root: hash, fingerprint: shorten(hash).toString(16).padStart(10, '0') },
      ...(first === undefined
        ? {}
        : { first, short: shorten(first).toString(16).padStart(10, '0') }),
    }
  }),
}))

const request = maker(encodeRequest)
const answer = maker(encodeAnswer)

writeVectors('content', () => ({
  about: about('/mesh/content/1'),
  requests: [
    request('from the start', {
      ...{ collection: 'files', name: 'motd', digest: digest('a'), offset: 0 },
    }),
    request('from the middle', {
      ...{ collection: 'files', name: 'images/big', digest: digest('b'), offset: 5_000_000_000 },
    }),
  ],
  answers: [
    answer('found', { type: 'found', sizeBytes: 1_048_576 }),
    answer('missing', { type: 'missing' }),
    answer('busy', { type: 'busy' }),
  ],
  invalidRequests: [
    { title: 'empty', bytes: '' },
    { title: 'another type', bytes: '02' },
    { title: 'an empty name', bytes: `01${files}00000000${digest('a')}0000000000000000` },
    {
      title: 'an offset above 2^53 - 1',
      bytes: `01${files}0100000061${digest('a')}0000000000002000`,
    },
  ],
  invalidAnswers: [
    { title: 'empty', bytes: '' },
    { title: 'a request', bytes: '01' },
    { title: 'found without a size', bytes: '02' },
    { title: 'missing and more', bytes: '0300' },
  ],
}))

const blockRequest = maker(encodeBlockRequest)
const blockAnswer = maker(encodeBlockAnswer)

writeVectors('block-exchange', () => ({
  about: about('/mesh/blocks/1'),
  requests: [
    blockRequest('open', {
      ...{ type: 'open', id: 7, collection: 'files', name: 'images/big' },
      ...{ digest: digest('a'), list: digest('b') },
    }),
    blockRequest('close', { type: 'close', id: 7 }),
    blockRequest('the list', { type: 'ask-list', id: 7 }),
    blockRequest('three blocks', { type: 'ask', id: 7, insist: false, indexes: [0, 2, 70_000] }),
    blockRequest('one block, insisting', { type: 'ask', id: 7, insist: true, indexes: [5] }),
    blockRequest('cancel', { type: 'cancel', id: 7, indexes: [2] }),
  ],
  answers: [
    blockAnswer('nothing', { type: 'none', id: 7 }),
    blockAnswer('all', { type: 'all', id: 7 }),
    blockAnswer('closed', { type: 'closed', id: 7 }),
    blockAnswer('some of eleven', { type: 'some', id: 7, count: 11, have: bytes('0104') }),
    blockAnswer('no list yet', { type: 'some', id: 7, count: 0, have: bytes('') }),
    blockAnswer('gained', { type: 'gained', id: 7, indexes: [1, 3] }),
    blockAnswer('a piece of a list', {
      ...{ type: 'list', id: 7, sizeBytes: 10, offset: 4, bytes: bytes('010203') },
    }),
    blockAnswer('a piece of a block', {
      ...{ type: 'piece', id: 7, index: 3, offset: 262_144, bytes: bytes('68656c6c6f') },
    }),
    blockAnswer('not here', { type: 'not', id: 7, index: 3, why: 'absent' }),
    blockAnswer('given to somebody else', { type: 'not', id: 7, index: 3, why: 'elsewhere' }),
  ],
  invalidRequests: [
    { title: 'empty', bytes: '' },
    { title: 'an answer', bytes: '1007000000' },
    { title: 'an empty name', bytes: `0107000000${files}00000000${digest('a')}${digest('b')}` },
    { title: 'no blocks', bytes: '04070000000000000000' },
    { title: 'an unknown flag', bytes: '0407000000020100000000000000' },
    { title: 'blocks out of order', bytes: '040700000000020000000200000001000000' },
    { title: 'a block twice', bytes: '040700000000020000000200000002000000' },
    { title: 'a block that no list has', bytes: '04070000000001000000ffffff00' },
    { title: 'more blocks than may be asked for', bytes: '04070000000001010000' },
    { title: 'close and more', bytes: '020700000000' },
  ],
  invalidAnswers: [
    { title: 'empty', bytes: '' },
    { title: 'a request', bytes: '0207000000' },
    { title: 'bits behind the last block', bytes: '12070000000b0000000108' },
    { title: 'too few bits', bytes: '12070000000b00000001' },
    { title: 'more blocks than a list has', bytes: '1207000000ffffffff' },
    { title: 'a piece of nothing', bytes: '15070000000300000000000000' },
    { title: 'a piece behind the largest block', bytes: '1507000000030000000000400000' },
    { title: 'a list that is too long', bytes: '140700000001004000000000000001' },
    { title: 'a piece behind the end of a list', bytes: '14070000000200000001000000aabb' },
    { title: 'an unknown reason', bytes: '16070000000300000002' },
  ],
}))
