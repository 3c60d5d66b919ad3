/** What lies on the disk and may have been damaged, or put there by somebody else. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeRow, encodeRow } from '../../../src/files/row.ts'
import {
  decodeKept,
  decodePlace,
  encodeKept,
  encodePlace,
  nameKey,
  nameOfKey,
  readNameKey,
  readWakeKey,
  wakeKey,
} from '../../../src/files/tables.ts'
import { decodeHandled, encodeHandled } from '../../../src/hooks/handled.ts'
import { decodeKeptFile, encodeKeptFile } from '../../../src/daemon/trust-store.ts'
import { decodeNode, encodeNode } from '../../../src/tree/nodes.ts'
import { parseStatementFile } from '../../../src/statement/index.ts'
import { sha256 } from '../../../src/util/index.ts'
import { statementVectors } from '../../statement/vectors.ts'
import { checkDataFile } from '../../../src/store/data-file.ts'
import { createLmdbStore, createMemoryStore, table } from '../../../src/store/index.ts'
import { migrate } from '../../../src/store/migrations.ts'
import { readOpenings } from '../../../src/store/openings.ts'
import { decodeKnownPeer, encodeKnownPeer } from '../../../src/transport/peer-store.ts'
import { readVectors } from '../../keys/vectors.ts'
import { holds, sameBytes } from '../engine.ts'
import type { Decoder, Input } from '../engine.ts'

type Entry = Readonly<Record<'key' | 'value', string>>
const vectors = readVectors('store') as Readonly<Record<string, Entry>>
const bytesOf = (tableName: string, part: 'key' | 'value'): Uint8Array =>
  Buffer.from(vectors[tableName]?.[part] ?? '', 'hex')

/** A key and a value as one input: a byte for the length of the key. */
const joined = (key: Uint8Array, value: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.of(key.length), key, value])
const apart = ({ bytes }: Input): [Uint8Array, Uint8Array] => {
  const end = 1 + (bytes[0] ?? 0)
  return [bytes.subarray(1, end), bytes.subarray(end)]
}

const scratch = mkdtempSync(join(tmpdir(), 'mesh-fuzz-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

/** A small sound database, as LMDB writes it. */
const database = await (async (): Promise<Uint8Array> => {
  const path = join(scratch, 'good')
  const things = table('things')
  const store = createLmdbStore({ path })
  await store.open()
  await store.transaction((tx) => tx.put(things, Buffer.from('a'), Buffer.alloc(100)))
  await store.close()
  return readFileSync(join(path, 'data.mdb')).subarray(0, 8_192)
})()

export const storedDecoders: readonly Decoder[] = [
  {
    name: 'hooks/handled.ts#decodeHandled',
    seeds: [bytesOf('handled', 'value'), Uint8Array.of(1)],
    run: (input) => sameBytes(encodeHandled(decodeHandled(input.bytes)), input),
  },
  {
    name: 'files/row.ts#decodeRow',
    seeds: [bytesOf('names', 'value')],
    run: (input) => sameBytes(encodeRow(decodeRow(input.bytes)), input),
  },
  {
    name: 'files/tables.ts#decodeKept',
    seeds: [joined(bytesOf('kept', 'key'), bytesOf('kept', 'value'))],
    run: (input) => {
      const [key, value] = apart(input)
      holds(Buffer.compare(encodeKept(decodeKept(key, value)), value) === 0, 'other bytes')
    },
  },
  {
    name: 'files/tables.ts#decodePlace',
    seeds: [bytesOf('index', 'value')],
    run: (input) => sameBytes(encodePlace(decodePlace(input.bytes)), input),
  },
  {
    name: 'files/tables.ts#nameOfKey',
    seeds: [bytesOf('kept', 'key'), bytesOf('history', 'key')],
    run: ({ bytes }) => nameOfKey(bytes),
  },
  {
    name: 'files/tables.ts#readNameKey',
    seeds: [bytesOf('names', 'key')],
    run: (input) => sameBytes(nameKey(readNameKey(input.bytes)), input),
  },
  {
    name: 'files/tables.ts#readWakeKey',
    seeds: [bytesOf('wakes', 'key')],
    run: (input) => {
      const { atMs, name } = readWakeKey(input.bytes)
      sameBytes(wakeKey({ atMs, over: input.bytes[0] === 1 }, name), input)
    },
  },
  {
    name: 'transport/peer-store.ts#decodeKnownPeer',
    seeds: [encodeKnownPeer(['/ip4/10.0.0.1/tcp/1', '/dns/a/tcp/2'], 1_700_000_000_000)],
    run: (input) => {
      const { locations, lastConnectedMs } = decodeKnownPeer(input.bytes)
      sameBytes(encodeKnownPeer(locations, lastConnectedMs), input)
    },
  },
  {
    name: 'daemon/trust-store.ts#decodeKeptFile',
    seeds: statementVectors.accepted.map(({ file }) =>
      encodeKeptFile({ signed: parseStatementFile(file), content: Buffer.from('content') }),
    ),
    run: (input) => sameBytes(encodeKeptFile(decodeKeptFile(input.bytes)), input),
  },
  {
    name: 'tree/nodes.ts#decodeNode',
    seeds: [encodeNode(Array.from({ length: 16 }, (_, count) => ({ count, hash: sha256('') })))],
    run: (input) => sameBytes(encodeNode(decodeNode('0a', input.bytes)), input),
  },
  {
    name: 'store/data-file.ts#checkDataFile',
    seeds: [database, Buffer.alloc(0)],
    run: async ({ bytes }) => {
      writeFileSync(join(scratch, 'data.mdb'), bytes)
      await checkDataFile(scratch)
    },
    cost: 4,
  },
  {
    name: 'store/migrations.ts#migrate',
    seeds: ['01000000', '02000000', '03000000'].map((hex) => Buffer.from(hex, 'hex')),
    run: async ({ bytes }) => {
      const [meta, format] = [table('meta'), Buffer.from('format')]
      const store = createMemoryStore()
      await store.open()
      await store.transaction((tx) => tx.put(meta, format, bytes))
      let steps = 0
      const step = (): void => void steps++
      await migrate(store, [step, step])
      const [from = 0, ...rest] = bytes
      const isOne = rest.join() === '0,0,0' && from > 0 && from <= 3
      holds(isOne, 'a format that nobody has written')
      holds(steps === 3 - from, `${steps} steps from format ${from}`)
      await store.transaction((tx) =>
        holds(Buffer.from(tx.get(meta, format) ?? []).equals(Buffer.of(3, 0, 0, 0)), 'no mark'),
      )
      await store.close()
    },
    cost: 4,
  },
  {
    name: 'store/openings.ts#readOpenings',
    seeds: ['0', '3'],
    run: async ({ bytes }) => {
      writeFileSync(join(scratch, 'openings'), bytes)
      const { unclean } = await readOpenings(scratch)
      holds(Number.isSafeInteger(unclean) && unclean >= 0 && unclean < 1_000_000, `${unclean}`)
    },
    cost: 4,
  },
]
