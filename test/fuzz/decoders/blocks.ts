/** Rows of the block store, which may have been damaged. */
import { parseOwner } from '../../../src/blocks/owner.ts'
import * as rows from '../../../src/blocks/rows.ts'
import { sha256, utf8 } from '../../../src/util/index.ts'
import { sameBytes, sameText } from '../engine.ts'
import type { Decoder } from '../engine.ts'

const digest = sha256('block')
const owner = parseOwner('file app/config 1')

export const blockDecoders: readonly Decoder[] = [
  {
    name: 'blocks/owner.ts#parseOwner',
    text: true,
    seeds: [owner, 'vault a b c'],
    run: (input) => sameText(parseOwner(input.text), input),
  },
  {
    name: 'blocks/rows.ts#readOwner',
    seeds: [owner],
    run: (input) => sameBytes(utf8(rows.readOwner(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#readDigestKey',
    seeds: [rows.digestKey(digest)],
    run: (input) => sameBytes(rows.digestKey(rows.readDigestKey(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#readRefKey',
    seeds: [rows.refKey(digest, 7)],
    run: (input) => {
      const { digest, number } = rows.readRefKey(input.bytes)
      sameBytes(rows.refKey(digest, number), input)
    },
  },
  {
    name: 'blocks/rows.ts#readOwnedKey',
    seeds: [rows.ownedKey(7, digest)],
    run: (input) => {
      const { digest, number } = rows.readOwnedKey(input.bytes)
      sameBytes(rows.ownedKey(number, digest), input)
    },
  },
  {
    name: 'blocks/rows.ts#decodeStored',
    seeds: [rows.encodeStored({ place: 'file', sizeBytes: 70_000 })],
    run: (input) => sameBytes(rows.encodeStored(rows.decodeStored(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#decodeLoose',
    seeds: [rows.encodeLoose({ why: 'unreferenced', sinceMs: 1_700_000_000_000 })],
    run: (input) => sameBytes(rows.encodeLoose(rows.decodeLoose(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#decodeRef',
    seeds: [
      rows.encodeRef({ pinned: true }),
      rows.encodeRef({ pinned: false, served: { offset: 5, sizeBytes: 6, damaged: true } }),
    ],
    run: (input) => sameBytes(rows.encodeRef(rows.decodeRef(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#decodeOwnerRow',
    seeds: [
      rows.encodeOwnerRow({ number: 1, state: 'pins', sizeBytes: 0, blocks: 0, atMs: 1 }),
      rows.encodeOwnerRow({
        ...{ number: 1, state: 'content', sizeBytes: 9, blocks: 2, atMs: 1 },
        ...{ list: digest, content: digest },
      }),
    ],
    run: (input) => sameBytes(rows.encodeOwnerRow(rows.decodeOwnerRow(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#decodeDamageRow',
    seeds: [rows.encodeDamageRow({ sizeBytes: 5, atMs: 6 })],
    run: (input) => sameBytes(rows.encodeDamageRow(rows.decodeDamageRow(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#decodeTotals',
    seeds: [rows.encodeTotals(rows.NO_TOTALS)],
    run: (input) => sameBytes(rows.encodeTotals(rows.decodeTotals(input.bytes)), input),
  },
  {
    name: 'blocks/rows.ts#decodeScrub',
    seeds: [rows.encodeScrub({ ...rows.NO_SCRUB, stage: 'contents', cursor: utf8(owner) })],
    run: (input) => sameBytes(rows.encodeScrub(rows.decodeScrub(input.bytes)), input),
  },
]
