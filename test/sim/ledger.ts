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
  /** Looks for statements in what an honest machine sends. */
  watch(bytes: Uint8Array): void
  /** Statements in frames of honest machines, by id. */
  readonly sent: ReadonlySet<Digest>
  /** Statements in frames of honest machines with signatures that do not hold. */
  readonly forged: ReadonlySet<Digest>
  /** Ids that some client handed to some machine. */
  readonly known: ReadonlySet<Digest>
  /** Ids that were refused wherever they were handed in. */
  refusedEverywhere(): Set<Digest>
  add(upload: Upload): void
}

const BEGIN = Buffer.from('mesh-file 1\n')
/** Of the last line of a text. */
const LAST_LINE = Buffer.from('\nblocks ')
const ENTRY_BYTES = 97

/** Whether the signatures after a text hold, where signatures follow it. */
const isForged = (bytes: Buffer, at: number, end: number): boolean => {
  if (bytes.length < end + 4) return false
  const count = bytes.readUInt32LE(end)
  const entriesEnd = end + 4 + count * ENTRY_BYTES
  if (count < 1 || count > 16 || bytes.length < entriesEnd) return false
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
  return {
    uploads,
    sent,
    forged,
    known,
    watch(frame) {
      const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
      for (let at = bytes.indexOf(BEGIN); at >= 0; ) {
        const lastLine = bytes.indexOf(LAST_LINE, at)
        const end = lastLine < 0 ? -1 : bytes.indexOf('\n', lastLine + LAST_LINE.length)
        if (end < 0) return
        const textEnd = end + 1
        const id = sha256(bytes.subarray(at, textEnd))
        sent.add(id)
        const once = `${id} ${sha256(bytes.subarray(textEnd, textEnd + 4 + 2 * ENTRY_BYTES))}`
        if (!looked.has(once) && isForged(bytes, at, textEnd)) forged.add(id)
        looked.add(once)
        at = bytes.indexOf(BEGIN, end)
      }
    },
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
