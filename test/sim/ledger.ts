/** What clients were told, to be held against what the machines have in the end. */
import { decodeSignedStatement, verifySigned } from '../../src/statement/index.ts'
import { sha256 } from '../../src/util/index.ts'
import type { Digest } from '../../src/util/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Machine } from './machine.ts'
import type { Signer } from './signers.ts'

export interface Upload {
  readonly signed: SignedStatement
  readonly content: Uint8Array | undefined
  readonly at: Machine
  /** `lost`: no answer, so that either may be. */
  /** Signers whom the machine allowed from the question to the answer: others it need not keep. */
  signers: readonly Signer[]
  outcome: 'pending' | 'stored' | 'refused' | 'lost'
}

export interface Ledger {
  readonly uploads: Upload[]
  /** Looks for statements in what an honest machine sends; answers with what replicates, one each. */
  watch(bytes: Uint8Array): string[]
  /** These were announced by one honest machine to another member. */
  count(records: readonly string[], link: { from: string; to: string }): void
  /** A machine has begun a new life, in which it may tell once more. */
  restart(machine: string): void
  /** How often a machine has told the same to the same neighbour in one life, at most. */
  readonly repeats: ReadonlyMap<string, number>
  /** Statements in frames of honest machines, by id. */
  readonly sent: ReadonlySet<Digest>
  /** Statements in frames of honest machines with signatures that do not hold. */
  readonly forged: ReadonlySet<Digest>
  /** Ids that some client handed to some machine. */
  readonly known: Set<Digest>
  /** Ids that were refused wherever they were handed in. */
  refusedEverywhere(): Set<Digest>
  add(upload: Upload): void
}

const BEGIN = Buffer.from('mesh-file 1\n')
/** Of the last line of a text. */
const LAST_LINE = Buffer.from('\nblocks ')
const ENTRY_BYTES = 97

/** Where the signatures after a text end, if signatures follow it. */
const endOfEntries = (bytes: Buffer, end: number): number | undefined => {
  if (bytes.length < end + 4) return undefined
  const count = bytes.readUInt32LE(end)
  const entriesEnd = end + 4 + count * ENTRY_BYTES
  return count < 1 || count > 16 || bytes.length < entriesEnd ? undefined : entriesEnd
}

/** Whether the signatures do not hold. */
const isForged = (bytes: Buffer, at: number, end: number, entriesEnd: number): boolean => {
  const head = Buffer.alloc(5)
  head.writeUInt8(1)
  head.writeUInt32LE(end - at, 1)
  const record = Buffer.concat([head, bytes.subarray(at, entriesEnd), Buffer.alloc(4)])
  try {
    return !verifySigned(decodeSignedStatement(record))
  } catch {
    return true
  }
}

export const createLedger = (): Ledger => {
  const uploads: Upload[] = []
  const sent = new Set<Digest>()
  const forged = new Set<Digest>()
  const looked = new Set<string>()
  const known = new Set<Digest>()
  const lives = new Map<string, Map<string, number>>()
  const repeats = new Map<string, number>()
  return {
    uploads,
    sent,
    forged,
    known,
    watch(frame) {
      const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
      const records: string[] = []
      for (let at = bytes.indexOf(BEGIN); at >= 0; ) {
        const lastLine = bytes.indexOf(LAST_LINE, at)
        const end = lastLine < 0 ? -1 : bytes.indexOf('\n', lastLine + LAST_LINE.length)
        if (end < 0) break
        const textEnd = end + 1
        const id = sha256(bytes.subarray(at, textEnd))
        sent.add(id)
        const entriesEnd = endOfEntries(bytes, textEnd)
        if (entriesEnd !== undefined) {
          const record = `${id} ${sha256(bytes.subarray(textEnd, entriesEnd))}`
          records.push(record)
          if (!looked.has(record) && isForged(bytes, at, textEnd, entriesEnd)) forged.add(id)
          looked.add(record)
        }
        at = bytes.indexOf(BEGIN, end)
      }
      return records
    },
    count(records, { from, to }) {
      const told = lives.get(from) ?? new Map<string, number>()
      lives.set(from, told)
      for (const record of records) {
        const key = `${from} tells ${to} ${record}`
        const count = (told.get(key) ?? 0) + 1
        told.set(key, count)
        if (count > (repeats.get(key) ?? 0)) repeats.set(key, count)
      }
    },
    restart(machine) {
      lives.delete(machine)
    },
    repeats,
    refusedEverywhere() {
      const ids = new Set<Digest>()
      for (const { signed, outcome } of uploads) if (outcome === 'refused') ids.add(signed.id)
      for (const { signed, outcome } of uploads) if (outcome !== 'refused') ids.delete(signed.id)
      return ids
    },
    add(upload) {
      uploads.push(upload)
      known.add(upload.signed.id)
    },
  }
}
