/** What clients were told, to be held against what the machines have in the end. */
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
  /** Ids that some client handed to some machine. */
  readonly known: ReadonlySet<Digest>
  /** Ids that were refused wherever they were handed in. */
  refusedEverywhere(): Set<Digest>
  add(upload: Upload): void
}

const BEGIN = Buffer.from('mesh-file 1\n')
const END = Buffer.from('\nblocks none\n')

export const createLedger = (): Ledger => {
  const uploads: Upload[] = []
  const sent = new Set<Digest>()
  const known = new Set<Digest>()
  return {
    uploads,
    sent,
    known,
    watch(frame) {
      const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
      for (let at = bytes.indexOf(BEGIN); at >= 0; ) {
        const end = bytes.indexOf(END, at)
        if (end < 0) return
        sent.add(sha256(bytes.subarray(at, end + END.length)))
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
