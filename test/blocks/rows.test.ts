import t from 'tap'
import { parseOwner } from '../../src/blocks/owner.ts'
import * as rows from '../../src/blocks/rows.ts'
import { sha256, toHex, utf8 } from '../../src/util/index.ts'
import { readVectors } from '../keys/vectors.ts'

type Entry = Readonly<Record<'key' | 'value', string>>
const vectors = readVectors('blocks') as Readonly<Record<string, Entry>>

const digest = sha256('a block')
const content = sha256('a content')
const owner = parseOwner(`file etc/motd ${content}`)
const atMs = Date.UTC(2026, 0, 1)
const bytesOf = (name: string, part: 'key' | 'value'): Uint8Array =>
  Buffer.from(vectors[name]?.[part] ?? '', 'hex')

t.test('reads the golden vectors', async (t) => {
  t.equal(rows.readDigestKey(bytesOf('stored', 'key')), digest)
  t.same(rows.decodeStored(bytesOf('stored', 'value')), { place: 'file', sizeBytes: 1_048_576 })
  t.same(rows.decodeLoose(bytesOf('loose', 'value')), { why: 'unreferenced', sinceMs: atMs })
  t.same(rows.readRefKey(bytesOf('pinned', 'key')), { digest, number: 7 })
  t.same(rows.decodeRef(bytesOf('pinned', 'value')), { pinned: true })
  t.same(rows.decodeRef(bytesOf('served', 'value')), {
    pinned: false,
    served: { offset: 3_000_000, sizeBytes: 1_048_576, damaged: true },
  })
  t.same(rows.readOwnedKey(bytesOf('owned', 'key')), { digest, number: 7 })
  t.equal(rows.readOwner(bytesOf('owner', 'key')), owner)
  t.same(rows.decodeOwnerRow(bytesOf('owner', 'value')), {
    ...{ number: 7, state: 'content', list: sha256('a list'), content },
    ...{ sizeBytes: 5_000_000, blocks: 5, atMs },
  })
  t.equal(rows.readOwner(bytesOf('ownerNumber', 'value')), owner)
  t.same(rows.decodeDamageRow(bytesOf('damaged', 'value')), { sizeBytes: 1_048_576, atMs })
  t.match(rows.decodeTotals(bytesOf('totals', 'value')), { nextOwner: 8, contentBytes: 5_000_000 })
  t.match(rows.decodeScrub(bytesOf('scrub', 'value')), { stage: 'contents', checkedBlocks: 1 })
})

t.test('writes the golden vectors', async (t) => {
  t.equal(toHex(rows.refKey(digest, 7)), vectors.pinned?.key)
  t.equal(toHex(rows.ownedKey(7, digest)), vectors.owned?.key)
  t.equal(toHex(rows.encodeRef({ pinned: true })), vectors.pinned?.value)
  const misfit = { list: sha256('a list'), digest: content, sizeBytes: 5_000_000 }
  t.equal(toHex(rows.misfitKey(misfit)), vectors.misfit?.key)
  const stored = rows.encodeStored({ place: 'file', sizeBytes: 1_048_576 })
  t.equal(toHex(stored), vectors.stored?.value)
})

t.test('calls everything else damage', async (t) => {
  const damage = { code: 'ERR_STATE_CORRUPT' }
  const good = bytesOf('owner', 'value')
  t.throws(() => rows.decodeOwnerRow(good.subarray(1)), damage)
  t.throws(() => rows.decodeOwnerRow(Buffer.concat([good, Buffer.of(0)])), damage)
  t.throws(() => rows.decodeOwnerRow(Buffer.concat([Buffer.of(2), good.subarray(1)])), damage)
  t.throws(() => rows.decodeRef(Uint8Array.of(1, 0)), damage)
  t.throws(() => rows.decodeRef(Uint8Array.of(1, 5)), damage)
  t.throws(() => rows.decodeStored(Uint8Array.of(1, 2, 0, 0, 0, 0)), damage)
  t.throws(() => rows.readDigestKey(new Uint8Array(31)), damage)
  t.throws(() => rows.readRefKey(Buffer.alloc(40, 255)), damage)
  t.throws(() => rows.readOwner(utf8('Nobody')), damage)
})

t.test('an owner is a kind and what it is about, in printable ASCII', async (t) => {
  t.equal(parseOwner('vault a b'), 'vault a b')
  for (const text of [
    '',
    'file',
    'file ',
    'File x',
    'file x\n',
    'file é',
    `file ${'x'.repeat(1200)}`,
  ]) {
    t.throws(() => parseOwner(text), { code: 'ERR_INTERNAL' }, JSON.stringify(text.slice(0, 20)))
  }
})
