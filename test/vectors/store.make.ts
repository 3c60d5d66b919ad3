/** Writes store.json: `node test/vectors/store.make.ts`. */
import { slotOf } from '../../src/files/authority.ts'
import { encodeRow } from '../../src/files/row.ts'
import {
  encodeKept,
  encodePlace,
  historyKey,
  keptKey,
  nameKey,
  wakeKey,
} from '../../src/files/tables.ts'
import { encodeHandled } from '../../src/hooks/handled.ts'
import {
  encodeSignedStatement,
  parseFileName,
  parseNetworkId,
  signStatement,
} from '../../src/statement/index.ts'
import { sha256, toHex } from '../../src/util/index.ts'
import { alice, bob, writeVectors } from './make.ts'
import type { Timestamp } from '../../src/util/index.ts'

const START_MS = Date.UTC(2026, 0, 1) as Timestamp
const EXPIRES_MS = (START_MS + 3_600_000) as Timestamp
const name = parseFileName('etc/motd')
const content = { digest: sha256('seven'), sizeBytes: 5 }

const signed = await signStatement(
  {
    network: parseNetworkId('test'),
    name,
    version: 7,
    time: START_MS,
    expires: EXPIRES_MS,
    replaces: sha256('six'),
    content,
    blocks: 'none',
  },
  [alice, bob],
)
const alone = await signStatement(signed.statement, [alice])
const slot = slotOf({ keys: [alice.publicKey] })
const record = sha256('record')
const row = {
  state: 'shown',
  pending: false,
  remarkable: true,
  delivered: true,
  rule: sha256('rule'),
  records: [record],
  wakes: [{ atMs: EXPIRES_MS, over: false }],
  shown: { signed, fingerprint: '1.2.3', mode: 0o644, atMs: START_MS },
  statement: { record, fingerprint: '4.5.6' },
  purgeAtMs: EXPIRES_MS,
} as const
const wake = { atMs: EXPIRES_MS, over: false }
const place = { name, statement: signed.id }

writeVectors('store', () => ({
  about: 'Entries of the tables in docs/protocols/store.md, keys and values as hex',
  kept: {
    text: signed.text,
    slot,
    key: toHex(keptKey(name, slot)),
    value: toHex(encodeKept({ slot, signed: alone })),
  },
  history: { key: toHex(historyKey(signed)), value: toHex(encodeSignedStatement(signed)) },
  index: { place, key: record, value: toHex(encodePlace(place)) },
  names: {
    // The statement of `shown` is that of `history`.
    row: { ...row, shown: { ...row.shown, signed: undefined } },
    key: toHex(nameKey(name)),
    value: toHex(encodeRow(row)),
  },
  wakes: { wake, name, key: toHex(wakeKey(wake, name)), value: '01' },
  handled: { statement: signed.id, value: toHex(encodeHandled(signed.id)), absent: '01' },
}))
