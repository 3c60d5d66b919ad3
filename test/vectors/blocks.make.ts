/** Writes blocks.json: `node test/vectors/blocks.make.ts`. */
import { parseOwner } from '../../src/blocks/owner.ts'
import * as rows from '../../src/blocks/rows.ts'
import { sha256, toHex, utf8 } from '../../src/util/index.ts'
import { writeVectors } from './make.ts'

const digest = sha256('a block')
const list = sha256('a list')
const content = sha256('a content')
const owner = parseOwner(`file etc/motd ${content}`)
const atMs = Date.UTC(2026, 0, 1)

const entry = (key: Uint8Array, value: Uint8Array) => ({ key: toHex(key), value: toHex(value) })

writeVectors('blocks', () => ({
  stored: entry(rows.digestKey(digest), rows.encodeStored({ place: 'file', sizeBytes: 1_048_576 })),
  inline: entry(rows.digestKey(digest), utf8('a block')),
  loose: entry(rows.digestKey(digest), rows.encodeLoose({ why: 'unreferenced', sinceMs: atMs })),
  pinned: entry(rows.refKey(digest, 7), rows.encodeRef({ pinned: true })),
  served: entry(
    rows.refKey(digest, 7),
    rows.encodeRef({
      pinned: false,
      served: { offset: 3_000_000, sizeBytes: 1_048_576, damaged: true },
    }),
  ),
  owned: entry(rows.ownedKey(7, digest), rows.THERE),
  owner: entry(
    utf8(owner),
    rows.encodeOwnerRow({
      ...{ number: 7, state: 'content', list, content, sizeBytes: 5_000_000, blocks: 5, atMs },
    }),
  ),
  ownerNumber: entry(rows.numberKey(7), utf8(owner)),
  damaged: entry(rows.refKey(digest, 7), rows.encodeDamageRow({ sizeBytes: 1_048_576, atMs })),
  misfit: entry(rows.misfitKey({ list, digest: content, sizeBytes: 5_000_000 }), rows.THERE),
  totals: entry(
    rows.TOTALS_KEY,
    rows.encodeTotals({
      ...{ nextOwner: 8, storedBlocks: 1, storedBytes: 1_048_576 },
      ...{ contents: 1, contentBlocks: 5, contentBytes: 5_000_000 },
    }),
  ),
  scrub: entry(
    rows.SCRUB_KEY,
    rows.encodeScrub({
      ...{ stage: 'contents', begunAtMs: atMs, endedAtMs: 0, checkedBlocks: 1 },
      ...{ checkedBytes: 1_048_576, damagedBlocks: 0, cursor: utf8(owner) },
    }),
  ),
}))
