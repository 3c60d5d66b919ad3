import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { decodeRow, encodeRow } from '../../src/files/row.ts'
import {
  decodeKept,
  decodePlace,
  encodeKept,
  encodePlace,
  historyKey,
  keptKey,
  nameOfKey,
  readNameKey,
  readWakeKey,
  wakeKey,
  wakesAround,
} from '../../src/files/tables.ts'
import {
  decodeSignedStatement,
  encodeSignedStatement,
  verifyEntry,
} from '../../src/statement/index.ts'
import { compareBytes, fromHex, sha256, toHex } from '../../src/util/index.ts'
import { keys, NAME, sign, START_MS } from './world.ts'
import { slotOf } from '../../src/files/authority.ts'
import type { Row } from '../../src/files/row.ts'
import type { FileState } from '../../src/files/index.ts'

const signed = await sign({ by: ['anna', 'bert'] })
const digest = fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => sha256(bytes))
const time = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 })
const states: readonly FileState[] = [
  ...(['none', 'shown', 'missing', 'too-large', 'too-old', 'deleted', 'expired'] as const),
]

const rows: fc.Arbitrary<Row> = fc.record(
  {
    state: fc.constantFrom(...states),
    pending: fc.boolean(),
    remarkable: fc.boolean(),
    delivered: fc.boolean(),
    fallback: fc.string({ maxLength: 40 }),
    purgeAtMs: time,
    rule: fc.option(digest, { nil: undefined }),
    records: fc.array(digest, { maxLength: 5 }),
    wakes: fc.array(fc.record({ atMs: time, over: fc.boolean() }), { maxLength: 3 }),
    shown: fc.record({
      signed: fc.constant(signed),
      fingerprint: fc.string({ maxLength: 40 }),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      atMs: time,
    }),
    statement: fc.record({ record: digest, fingerprint: fc.string({ maxLength: 40 }) }),
  },
  { requiredKeys: ['state', 'pending', 'remarkable', 'delivered', 'rule', 'records', 'wakes'] },
)

const throwsOnlyCorrupt = (decode: () => unknown): boolean => {
  try {
    decode()
    return true
  } catch (error) {
    return isMeshError(error, 'ERR_STATE_CORRUPT')
  }
}

t.test('a row is read as it was written', async (t) => {
  fc.assert(
    fc.property(rows, (row) => {
      t.same(decodeRow(encodeRow(row)), row)
    }),
  )
})

t.test('whatever else is stored is damage, and nothing worse', async () => {
  const slot = slotOf({ keys: [keys.anna.publicKey] })
  const kept = encodeKept({ slot, signed: await sign() })
  const goodKey = keptKey(NAME, slot)
  fc.assert(fc.property(fc.uint8Array(), (bytes) => throwsOnlyCorrupt(() => decodeRow(bytes))))
  fc.assert(fc.property(fc.uint8Array(), (bytes) => throwsOnlyCorrupt(() => decodePlace(bytes))))
  fc.assert(fc.property(fc.uint8Array(), (bytes) => throwsOnlyCorrupt(() => readNameKey(bytes))))
  fc.assert(fc.property(fc.uint8Array(), (bytes) => throwsOnlyCorrupt(() => nameOfKey(bytes))))
  fc.assert(fc.property(fc.uint8Array(), (bytes) => throwsOnlyCorrupt(() => readWakeKey(bytes))))
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (key, value) =>
      throwsOnlyCorrupt(() => decodeKept(key, value)),
    ),
  )
  const mutate = (bytes: Uint8Array, at: number, by: number): Uint8Array =>
    bytes.map((byte, index) => (index === at % bytes.length ? byte ^ by : byte))
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, inKey) =>
      throwsOnlyCorrupt(() =>
        decodeKept(inKey ? mutate(goodKey, at, by) : goodKey, inKey ? kept : mutate(kept, at, by)),
      ),
    ),
  )
  fc.assert(
    fc.property(rows, fc.nat(), fc.integer({ min: 1, max: 255 }), (row, at, by) =>
      throwsOnlyCorrupt(() => decodeRow(mutate(encodeRow(row), at, by))),
    ),
  )
  fc.assert(
    fc.property(rows, fc.nat(), (row, at) => {
      const bytes = encodeRow(row)
      return throwsOnlyCorrupt(() => decodeRow(bytes.subarray(0, at % bytes.length)))
    }),
  )
})

t.test('keys sort like what they stand for', async (t) => {
  const at = (atMs: number, over = false) => wakeKey({ atMs, over }, NAME)
  t.ok(compareBytes(at(-5), at(START_MS)) < 0)
  t.ok(compareBytes(at(START_MS), at(START_MS + 1)) < 0)
  t.ok(compareBytes(at(253_402_300_799_999), at(-62_167_219_200_000, true)) < 0)
  t.same(readWakeKey(at(-5)), { atMs: -5, name: NAME })
  const { due, undone } = wakesAround(START_MS)
  const within = (key: Uint8Array, { start, end }: typeof due): boolean =>
    start !== undefined &&
    end !== undefined &&
    compareBytes(key, start) >= 0 &&
    compareBytes(key, end) < 0
  t.ok(within(at(START_MS), due))
  t.notOk(within(at(START_MS + 1), due))
  t.ok(within(at(START_MS + 1, true), undone))
  t.notOk(within(at(START_MS, true), undone))
  const history = await Promise.all([
    sign({ version: 1, time: START_MS + 5 }),
    sign({ version: 2, time: -5 }),
    sign({ version: 2, time: START_MS }),
    sign({ version: 300 }),
  ])
  const sorted = history.map(historyKey)
  t.same(sorted.toSorted(compareBytes), sorted)
  t.same(sorted.map(nameOfKey), [NAME, NAME, NAME, NAME])
})

const bytesOf = (hex: string): Uint8Array => {
  const bytes = fromHex(hex)
  if (bytes === undefined) throw new Error('the vectors are not hex')
  return bytes
}

t.test('stored bytes are those of the vectors', async (t) => {
  const path = new URL('../vectors/store.json', import.meta.url)
  const vectors = JSON.parse(readFileSync(path, 'utf8'))

  const kept = decodeKept(bytesOf(vectors.kept.key), bytesOf(vectors.kept.value))
  t.equal(kept.slot, vectors.kept.slot)
  t.equal(kept.signed.text, vectors.kept.text)
  t.equal(
    kept.signed.signatures.every((entry) => verifyEntry(kept.signed, entry)),
    true,
  )
  t.equal(toHex(encodeKept(kept)), vectors.kept.value)
  t.equal(toHex(keptKey(kept.signed.statement.name, kept.slot)), vectors.kept.key)

  const seen = decodeSignedStatement(bytesOf(vectors.history.value))
  t.equal(toHex(historyKey(seen)), vectors.history.key)
  t.equal(toHex(encodeSignedStatement(seen)), vectors.history.value)

  const row = decodeRow(bytesOf(vectors.names.value))
  t.same(row, { ...vectors.names.row, shown: { ...vectors.names.row.shown, signed: seen } })
  t.equal(toHex(encodeRow(row)), vectors.names.value)
  t.equal(readNameKey(bytesOf(vectors.names.key)), NAME)

  t.same(decodePlace(bytesOf(vectors.index.value)), vectors.index.place)
  t.equal(toHex(encodePlace(vectors.index.place)), vectors.index.value)
  t.equal(toHex(wakeKey(vectors.wakes.wake, vectors.wakes.name)), vectors.wakes.key)
  t.same(readWakeKey(bytesOf(vectors.wakes.key)), { atMs: vectors.wakes.wake.atMs, name: NAME })
})
